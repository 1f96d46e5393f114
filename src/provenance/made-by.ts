// Which runs made what is pushed: docs/provenance.md, Which runs a push names. Where something is not known, a run is named
// rather than left out.
import type { ManifestFile, ManifestRun } from "./manifest.ts";
import { isKeptLog, type Origins, type RunPart } from "./run-details.ts";

/** A run of the workspace, ended or not. */
export interface RecordedRun extends Omit<ManifestRun, "finishedOn" | "exitCode"> {
  readonly finishedOn?: string | undefined;
  readonly exitCode?: number | undefined;
}

/** A pushed file, and where in `/workspace` it may have lain. */
export interface PlacedFile extends Pick<ManifestFile, "path" | "sha256"> {
  readonly places: readonly string[];
}

export interface MadeBy {
  /** In the order in which they began. */
  readonly runs: readonly ManifestRun[];
  readonly origins: Origins;
}

/** Of each list of origins. */
const LISTED_MAX = 1000;

/** @param recorded all runs of the workspace, in the order in which they began */
export function madeBy(recorded: readonly RecordedRun[], files: readonly PlacedFile[]): MadeBy {
  const history = new History(recorded.filter(isEnded));
  const { writers, brought, changedSince } = writersOf(history, files);
  const parts = new Map<Ended, RunPart>([...writers].map((run) => [run, "wrote"]));
  const open = [...writers];
  for (let run = open.pop(); run; run = open.pop()) {
    for (const [earlier, part] of history.sourcesOf(run)) {
      if (parts.has(earlier)) continue;
      parts.set(earlier, part);
      open.push(earlier);
    }
  }
  return {
    runs: history.ended.flatMap((one) => (parts.has(one) ? [{ ...one.run, part: parts.get(one) }] : [])),
    origins: {
      brought: brought.slice(0, LISTED_MAX),
      broughtCount: brought.length,
      changedSince: changedSince.slice(0, LISTED_MAX),
      changedSinceCount: changedSince.length,
      unfinished: recorded.filter((run) => !isEnded(run)).map(({ id, argv, startedOn }) => ({ id, argv, startedOn })),
    },
  };
}

function isEnded(run: RecordedRun): run is ManifestRun {
  return run.finishedOn !== undefined && run.exitCode !== undefined;
}

/** The writers of the files, and the files that the runs do not account for. */
function writersOf(history: History, files: readonly PlacedFile[]) {
  const writers = new Set<Ended>();
  const brought: string[] = [];
  const changedSince: string[] = [];
  const wroteMore = history.ended.filter((run) => run.wroteMore);
  for (const { path, sha256, places } of files) {
    const wrote = places.flatMap((place) => history.writersAt(place));
    const last = wrote.reduce<Ended | undefined>((late, run) => (late && late.to > run.to ? late : run), undefined);
    const digests = places.flatMap((place) => (last?.written.has(place) ? [last.written.get(place)] : []));
    const isAsWritten = digests.some((digest) => digest === undefined || digest === sha256);
    // Of those that wrote more than is listed, any that ended later may have written it since.
    const might = wroteMore.filter((run) => run !== last && run.to >= (last?.to ?? 0));
    for (const run of [...wrote.filter((one) => last && one.overlaps(last)), ...might]) writers.add(run);
    if (!isAsWritten && might.length === 0) (last ? changedSince : brought).push(path);
  }
  return { writers, brought, changedSince };
}

/** A run that ended, with what it left at hand. */
class Ended {
  readonly run: ManifestRun;
  readonly from: number;
  readonly to: number;
  /** By path: digest, or undefined where none was taken. */
  readonly written: ReadonlyMap<string, string | undefined>;
  readonly deleted: readonly string[];
  /** Whether it may have written files that are not in {@link written}. */
  readonly wroteMore: boolean;
  readonly elsewhere: boolean;
  /** By path written: when the first run that began later and wrote or deleted it had ended. */
  readonly #goneAt = new Map<string, number>();
  /** Until then some of it stood. */
  #stoodUntil = Number.NEGATIVE_INFINITY;

  constructor(run: ManifestRun) {
    const outputs = run.details?.outputs;
    this.run = run;
    this.from = Date.parse(run.startedOn);
    this.to = Date.parse(run.finishedOn);
    this.written = new Map(outputs?.files.map(({ path, sha256 }) => [path, sha256]));
    this.deleted = outputs?.deleted ?? [];
    this.wroteMore = !outputs?.known || outputs.count > outputs.files.length;
    this.elsewhere = (outputs?.elsewhere ?? 0) > 0;
  }

  overlaps(other: Ended): boolean {
    return this.from <= other.to && other.from <= this.to;
  }

  /** Notes when a file it wrote was gone. */
  stoodTill(path: string, at: number): void {
    this.#goneAt.set(path, at);
    if (!isKeptLog(path)) this.#stoodUntil = Math.max(this.#stoodUntil, at);
  }

  /** Whether it wrote a file that another run found as it left it, or might have while both ran. */
  stood(path: string, at: Ended): boolean {
    const until = this.#goneAt.get(path);
    return until !== undefined && (this.overlaps(at) || until > at.from);
  }

  leftSomethingFor(at: Ended): boolean {
    return this.#stoodUntil > at.from || (this.overlaps(at) && this.#stoodUntil > Number.NEGATIVE_INFINITY);
  }
}

/** The runs that ended, and who wrote and deleted what. */
class History {
  readonly ended: readonly Ended[];
  readonly #writers = new Map<string, Ended[]>();

  constructor(runs: readonly ManifestRun[]) {
    this.ended = runs.map((run) => new Ended(run));
    const touched = new Map<string, Ended[]>();
    for (const run of this.ended) {
      for (const path of run.written.keys()) {
        addTo(this.#writers, path, run);
        addTo(touched, path, run);
      }
      for (const path of run.deleted) addTo(touched, path, run);
    }
    for (const [path, runs] of touched) noteEnds(path, runs);
  }

  writersAt(path: string): readonly Ended[] {
    return this.#writers.get(path) ?? [];
  }

  /** The runs whose outputs a run read, or, as far as it was not traced, could have read. */
  sourcesOf(run: Ended): readonly (readonly [Ended, RunPart])[] {
    const reads = run.run.details?.reads;
    const traced = reads !== undefined && reads.workspaceCount === reads.workspace.length ? reads : undefined;
    return this.ended.flatMap((other): readonly (readonly [Ended, RunPart])[] => {
      if (other === run || other.from > run.to) return [];
      if (traced?.workspace.some((path) => other.stood(path, run))) return [[other, "read"]];
      const hidden = other.wroteMore || (other.elsewhere && traced?.elsewhere !== 0);
      const visible = traced === undefined && other.leftSomethingFor(run);
      return hidden || visible ? [[other, "could-have-been-read"]] : [];
    });
  }
}

function addTo(index: Map<string, Ended[]>, path: string, run: Ended): void {
  const there = index.get(path);
  if (there) there.push(run);
  else index.set(path, [run]);
}

/**
 * Tells each writer of a path when the first run that began after it, and wrote or deleted the path, had ended.
 * @param touched all that wrote or deleted it, in the order in which they began
 */
function noteEnds(path: string, touched: readonly Ended[]): void {
  // The earliest end among each run and those after it.
  const earliest: number[] = [];
  for (const [at, { to }] of [...touched.entries()].reverse()) {
    earliest[at] = Math.min(to, earliest[at + 1] ?? Number.POSITIVE_INFINITY);
  }
  for (const [at, run] of touched.entries()) {
    if (!run.written.has(path)) continue;
    let next = at + 1;
    while ((touched[next]?.from ?? Number.POSITIVE_INFINITY) < run.to) next++;
    run.stoodTill(path, earliest[next] ?? Number.POSITIVE_INFINITY);
  }
}
