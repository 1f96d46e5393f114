// What this device verified of the log, so that the next command reads on from there, and notices a log rolled back.
import { closeSync, constants, fstatSync, openSync, promises, readSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TakenCommit } from "../audit/taken.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import type { ProjectConfig } from "./config.ts";
import { fileFailure, readLocal } from "./local-file.ts";
import { changesPolicy } from "./policy-event.ts";

const MEMORY_BYTES_MAX = 512 * 1024 * 1024;

/**
 * One line of JSON per commit, appended. Lines are trusted: the folder is its owner's alone. Never rewritten, because
 * other commands append to it at any moment and remember where it ended.
 */
export class LogMemory {
  readonly #path: string;
  #unsaved: TakenCommit[] = [];
  /** Digests of the commits that count, by their place. */
  readonly #known = new Map<number, string>();
  /** What was verified behind a gap: as long as the gap is not filled, it holds as a promise of what must come. */
  readonly #ahead = new Map<number, string>();

  constructor(state: string, project: string, pin: string) {
    this.#path = memoryFile(state, { project, pin });
  }

  /**
   * Commits remembered, as far as they follow one another.
   * @throws CloisterError INTEGRITY where two commands of this device verified logs that contradict each other
   */
  async load(): Promise<TakenCommit[]> {
    const text = (await readLocal(this.#path, MEMORY_BYTES_MAX))?.toString("utf8");
    const commits: TakenCommit[] = [];
    for (const line of text?.split("\n") ?? []) {
      const commit = line === "" ? undefined : parseLine(line);
      if (!commit) continue;
      const last = commits.at(-1);
      // Two commands at once may both have appended what they saw; then they must have seen the same.
      if (last && commit.seq <= last.seq) this.#compare(commit, this.#known.get(commit.seq));
      else if (commit.size !== (last?.size ?? 0) + commit.events.length) this.#ahead.set(commit.seq, commit.digest);
      else {
        commits.push(commit);
        this.#know(commit);
      }
    }
    return commits;
  }

  /** @throws CloisterError INTEGRITY where this device verified another commit at its place */
  remember(commit: TakenCommit): void {
    this.#know(commit);
    this.#unsaved.push(commit);
  }

  /**
   * Refuses a log that ends before what was verified behind a gap.
   * @param commits that the log was read to
   */
  check(commits: number): void {
    for (const [seq, digest] of this.#ahead) {
      if (seq < commits) this.#compare({ seq, digest }, this.#known.get(seq));
      else throw integrity(`log commit ${String(seq)} is gone`, { why: SEEN });
    }
    this.#ahead.clear();
  }

  async save(): Promise<void> {
    const saving = this.#unsaved;
    if (saving.length === 0) return;
    this.#unsaved = [];
    try {
      await appendAtOnce(this.#path, saving.map((commit) => `${JSON.stringify(commit)}\n`).join(""));
    } catch (error) {
      this.#unsaved = [...saving, ...this.#unsaved];
      throw fileFailure("write", this.#path, error);
    }
  }

  #know(commit: TakenCommit): void {
    this.#compare(commit, this.#ahead.get(commit.seq) ?? commit.digest);
    this.#known.set(commit.seq, commit.digest);
  }

  #compare({ seq, digest }: Pick<TakenCommit, "seq" | "digest">, other: string | undefined): void {
    if (digest === other) return;
    throw integrity(`two different logs were shown to this device, from commit ${String(seq)} on`, {
      why: SEEN,
      next: `cloister audit verify at a colleague's; then move ${this.#path} away, and the log is read anew`,
    });
  }
}

const SEEN = "another command on this device saw and verified it; the store was rolled back or altered";

/**
 * One write for all of it: the system puts it behind what other processes append, whole. A line torn by a crash must
 * not swallow the next one, so it begins on a new line.
 */
async function appendAtOnce(path: string, lines: string): Promise<void> {
  await promises.mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const bytes = Buffer.from(`\n${lines}`);
  const file = await promises.open(path, "a", 0o600);
  try {
    const { bytesWritten } = await file.write(bytes);
    if (bytesWritten !== bytes.length)
      throw new CloisterError("FAILURE", `cannot write ${path}`, { why: "the disk is full" });
  } finally {
    await file.close();
  }
}

function memoryFile(state: string, { project, pin }: MemoryOwner): string {
  return join(state, "log", `${project}-${pin.slice(0, 16)}.jsonl`);
}

type MemoryOwner = Pick<ProjectConfig, "project" | "pin">;

/** Where the memory of a project ends now, in bytes: a mark for {@link policyChangedSince}. */
export async function memoryMark(state: string, owner: MemoryOwner): Promise<number> {
  return (await promises.stat(memoryFile(state, owner)).catch(() => undefined))?.size ?? 0;
}

/** Forgets what was verified since a mark: of a store that turned out not to be the one that was meant. */
export async function forgetSince(state: string, owner: MemoryOwner, mark: number): Promise<void> {
  if ((await memoryMark(state, owner)) > mark) await promises.truncate(memoryFile(state, owner), mark);
}

/**
 * Whether this device has verified a change of policy since a mark. Reads what was appended, not the log: for answers
 * that must not wait for a store. True where it cannot be told.
 */
export async function policyChangedSince(state: string, owner: MemoryOwner, mark: number): Promise<boolean> {
  const appended = readFrom(memoryFile(state, owner), mark);
  const lines = appended?.split("\n").filter((line) => line !== "");
  const commits = lines?.map(parseLine);
  return commits?.every((commit) => commit && !commit.events.some(({ event }) => changesPolicy(event))) !== true;
}

/**
 * Text from a position to the end; undefined where there is no such position, or too much behind it. At once, as small
 * files are read: a kept credential waits for it.
 */
function readFrom(path: string, position: number): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = fstatSync(file).size - position;
    if (bytes < 0 || bytes > APPENDED_BYTES_MAX) return undefined;
    const buffer = Buffer.alloc(bytes);
    return readSync(file, buffer, 0, bytes, position) === bytes ? buffer.toString("utf8") : undefined;
  } finally {
    closeSync(file);
  }
}

/** More than an hour's work: reading the log again is no slower then. */
const APPENDED_BYTES_MAX = 4 * 1024 * 1024;

function parseLine(line: string): TakenCommit | undefined {
  try {
    const commit = JSON.parse(line) as TakenCommit;
    const whole = Number.isSafeInteger(commit.seq) && Array.isArray(commit.events) && Array.isArray(commit.edge);
    return whole && Number.isSafeInteger(commit.size) && typeof commit.digest === "string" ? commit : undefined;
  } catch {
    return undefined;
  }
}
