// Pull: a version, or some of its files, leaves the store, decrypted, verified and on record.
import { stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve as resolvePath } from "node:path";
import type { Writable } from "node:stream";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import { untilAborted } from "../../base/until-aborted.ts";
import { placeFiles } from "../../content/place-files.ts";
import type { StoredContent } from "../../content/read.ts";
import { checkFree, restoreFolder, streamFile } from "../../content/restore.ts";
import type { Tree } from "../../content/tree.ts";
import { type Ask, perform, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Pulled, PullOptions, VersionSummary } from "../types.ts";
import { manifestOf } from "./check-manifest.ts";
import { addCarried } from "./class-file.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import { resolve } from "./resolve.ts";
import { type Chosen, choose, countedBytes, isSelection, selectionText } from "./selection.ts";
import { contentOf, requireTree, treeOf } from "./version-content.ts";
import { refusedByKms, summaryOf, type Version } from "./versions.ts";

/**
 * Writes a version to a new or empty folder, with its signed manifest beside the files; or a single file of it to a stream
 * or to where it is wanted, with a note of its class beside it. Of a version of many files only those that are selected are
 * read from the store.
 *
 * @throws CloisterError NOT_FOUND, also for files that it does not hold; POLICY_DENIED (logged); INTEGRITY (nothing is
 * written, or a stream ends before its last block); USAGE (something is in the way); INTERRUPTED
 */
export async function pull(session: Session, options: PullOptions): Promise<Pulled> {
  await session.sync();
  const { purpose, justification } = options;
  const version = await resolve(session, options.reference, { action: "artifact.pull", purpose, justification });
  const summary = summaryOf(version);
  const via = movingWord(options.reference, summary);
  const whole = askOf(options, summary, via);
  const part = await chooseEarly(session, version, whole, options);
  const ask = part?.chosen ? asking(whole, part.chosen) : whole;
  const target = await targetOf(session, options, summary, part?.chosen);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return {
      ...summary,
      ...sizeOf(summary, part?.chosen),
      ...placeOf(target),
      via,
      dryRun: true,
      pullEntry: undefined,
    };
  }
  const { result: chosen, done } = await perform(session, ask, async (_operation, released) => {
    const { bundle } = await manifestOf(session, version);
    const tree = part?.tree ?? (await requireTree(session, version));
    const taken =
      options.select && isSelection(options.select) ? choose(tree.files, options.select, summary.reference) : undefined;
    const files = await contentOf(session, version, taken ? { ...tree, files: taken.entries } : tree);
    if (target.kind === "stream") released();
    await write(session, files, target, { bundle, summary });
    return { result: taken, outcome: { facts: { bytes: taken ? countedBytes(taken) : summary.bytes } } };
  });
  return { ...summary, ...sizeOf(summary, chosen), ...placeOf(target), via, dryRun: false, pullEntry: done.entry };
}

function askOf(options: PullOptions, summary: VersionSummary, via: string | undefined): Ask {
  const { purpose, justification, select = {} } = options;
  const selected = isSelection(select) ? selectionText(select) : undefined;
  return {
    ...{ title: `pull ${summary.reference}`, action: "artifact.pull", reference: summary.reference },
    ...{ domain: summary.domain, class: summary.class, kind: summary.kind, versionId: summary.versionId },
    ...{ purpose, justification },
    governance: { pulledBytes: summary.bytes },
    // Also before it ends: what is under way counts for the quota.
    facts: { bytes: summary.bytes },
    sealed: { artifact: summary.reference, asked: via && options.reference, purpose, justification, selected },
  };
}

function asking(whole: Ask, chosen: Chosen): Ask {
  const bytes = countedBytes(chosen);
  const { files } = chosen;
  return {
    ...whole,
    governance: { pulledBytes: bytes },
    facts: { bytes },
    sealed: { ...whole.sealed, files: String(files), bytes: String(chosen.bytes) },
  };
}

/**
 * What a selection means, where this member's own key tells it before anything is logged: a mistyped path is then no pull,
 * and a quota is asked for what is really taken. Where others release the key it shows only afterwards, and all counts until
 * then. Whoever may not pull learns nothing of what there is.
 */
async function chooseEarly(
  session: Session,
  version: Version,
  ask: Ask,
  { select, dryRun }: PullOptions,
): Promise<{ readonly tree: Tree; readonly chosen: Chosen } | undefined> {
  if (!select || !isSelection(select)) return undefined;
  await (dryRun ? wouldPermit : permit)(session, { ...ask, governance: { pulledBytes: 0 } });
  const tree = await treeOf(session, version).catch(refusedByKms);
  if (!tree || !("files" in tree)) return undefined;
  return { tree, chosen: choose(tree.files, select, ask.reference ?? "") };
}

/** Where it goes. */
type Target =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "stream"; readonly stream: Writable };

async function targetOf(
  session: Session,
  { output, reference }: PullOptions,
  summary: VersionSummary,
  chosen: Chosen | undefined,
): Promise<Target> {
  const { cwd } = session.host;
  if ("stream" in output) {
    const files = chosen?.files ?? summary.files;
    if (files === 1) return { kind: "stream", stream: output.stream };
    throw new CloisterError("USAGE", `${chosen ? "what is selected" : summary.reference} has ${String(files)} files`, {
      why: "only a single file can go to standard output",
      next: `name one of its files: cloister pull ${reference} PATH -o -`,
    });
  }
  if ("copy" in output && chosen?.single) {
    const name = posix.basename(chosen.single.path);
    const path = resolvePath(cwd, output.copy ?? name);
    const there = await stat(path).catch(() => undefined);
    const inside = output.copy !== undefined && (output.copy.endsWith("/") || there?.isDirectory());
    return { kind: "file", path: usable(inside ? join(path, name) : path) };
  }
  const path = resolvePath(cwd, "copy" in output ? (output.copy ?? summary.name) : output.folder);
  await checkFree(path);
  return { kind: "folder", path };
}

/** The name is the person's, and no damage where it cannot be one. */
function usable(path: string): string {
  const problem = pathProblem(basename(path));
  if (problem === undefined) return path;
  throw new CloisterError("USAGE", `will not write ${printable(path)}`, { why: problem, next: "choose another name" });
}

async function write(
  session: Session,
  files: StoredContent,
  target: Target,
  { bundle, summary }: { readonly bundle: Uint8Array; readonly summary: VersionSummary },
): Promise<void> {
  const { signal } = session.host;
  if (target.kind === "stream") return await stream(session, files, target.stream);
  if (target.kind === "folder") {
    const extra = [{ path: PROVENANCE_FILE, bytes: bundle }];
    return restoreFolder(target.path, files, extra, { signal, resume: summary.versionId });
  }
  const { project } = session.config;
  const { classifications } = (await session.policy()).compiled.policy;
  const [folder, name] = [dirname(target.path), basename(target.path)];
  const carried = { class: summary.class, from: summary.reference };
  // Before the file is there: where this is cut off, it must not lie there without its class.
  const first = () => addCarried({ project, classifications }, folder, name, carried);
  await placeFiles(folder, files, { place: () => name, overwrite: false, first, signal });
}

async function stream({ host }: Session, files: StoredContent, to: Writable): Promise<void> {
  try {
    // Whoever reads it may have stopped without going.
    await untilAborted(host.signal, () => streamFile(files, to));
  } catch (error) {
    const code = systemCode(error);
    if (error instanceof CloisterError || code === undefined) throw error;
    throw new CloisterError("FAILURE", "the output could not be written", {
      why: `${code}; what was written is cut short`,
      next: "make room where it goes, or send it elsewhere",
      cause: error,
    });
  }
}

function sizeOf(summary: VersionSummary, chosen: Chosen | undefined): Pick<Pulled, "files" | "bytes" | "partial"> {
  const { files, bytes, leftOut } = chosen ?? { ...summary, leftOut: { files: 0, bytes: 0 } };
  return { files, bytes, partial: leftOut.files > 0 ? leftOut : undefined };
}

function placeOf(target: Target): Pick<Pulled, "folder" | "file"> {
  return {
    folder: target.kind === "folder" ? target.path : undefined,
    file: target.kind === "file" ? target.path : undefined,
  };
}

/** The stage or tag by which it was asked for; undefined where the reference always means this version. */
export function movingWord(reference: string, { label }: VersionSummary): string | undefined {
  const { version } = parseReference(reference);
  return version.kind === "label" && version.label !== label ? version.label : undefined;
}
