// The bytes of a push: where they come from, and how they get into the store.
import { stat } from "node:fs/promises";
import { basename, join, resolve as resolvePath } from "node:path";
import { addAbortSignal, type Readable } from "node:stream";
import { CloisterError, systemCode } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { scanFolder, stdinFile } from "../../content/folder.ts";
import type { PackRecord } from "../../content/push/pack-record.ts";
import { isStaging } from "../../content/staging.ts";
import { type UnsizedEntry, type Written, writeContent } from "../../content/write.ts";
import type { Host } from "../host.ts";
import type { Session } from "../session.ts";
import type { PushOptions } from "../types.ts";
import { type Bases, basesOf } from "./bases.ts";
import { type Sayer, sayersAbove, saysClass } from "./carried-label.ts";
import { CLASS_FILE } from "./class-file.ts";
import type { Journal } from "./journal.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import type { PushPlan } from "./push-plan.ts";
import { StatCache } from "./stat-cache.ts";
import { packPlace } from "./version-content.ts";
import type { Version } from "./versions.ts";

export interface Source {
  readonly files: AsyncIterable<FileEntry | UnsizedEntry>;
  readonly bytesTotal: number | undefined;
  /** What earlier pulls and copies left among these and around them, which says what class they carry. */
  readonly sayers: readonly Sayer[];
  /** Where they are files of this machine: their absolute path, and the wall clock before they were looked at. */
  readonly here?: { readonly path: string; readonly lookedMs: number } | undefined;
}

/** What can be checked before anything is decided or stored: the path is there and can be read. */
export async function checkSource(session: Session, { source, from }: PushOptions): Promise<Source | undefined> {
  const { host } = session;
  if (from !== undefined) return undefined;
  if ("stream" in source) {
    // Whoever writes to it may never write again: waiting for them must end, too.
    const stream = addAbortSignal(host.signal, source.stream);
    return { files: stdinFile(notEmpty(stream), "stdin"), bytesTotal: undefined, sayers: [] };
  }
  const path = resolvePath(host.cwd, source.path);
  const here = { path, lookedMs: host.now() };
  const there = await stat(path).catch((error: unknown) => {
    const code = systemCode(error) === "ENOENT" ? "NOT_FOUND" : "FAILURE";
    throw new CloisterError(code, `cannot read ${source.path}`, {
      why: systemCode(error) === "ENOENT" ? "there is no such file or folder" : "permission denied",
      next: systemCode(error) === "ENOENT" ? "check the path" : "check its permissions",
      cause: error,
    });
  });
  const sayers: Sayer[] = [...(await sayersAbove(path))];
  const exclude = (at: string): boolean => {
    if (saysClass(at)) sayers.push({ path: join(path, at) });
    // Class unknown: a pull that was interrupted goes on with it.
    if (isStaging(at)) return true;
    // What `pull` and `ws cp` added is left out again; a project's own store is no content.
    return there.isDirectory() && (at === PROVENANCE_FILE || basename(at) === CLASS_FILE || at === ".cloister");
  };
  const scan = await scanFolder(path, { signal: host.signal, exclude });
  const files = there.isDirectory() ? scan : withoutManifest(scan);
  return { files, bytesTotal: scan.bytes, sayers, here };
}

/** Nothing at all is what a program gives that failed, and whoever pushes it finds that out when it is needed. */
async function* notEmpty(stream: Readable): AsyncGenerator<Uint8Array | string> {
  let some = false;
  for await (const piece of stream as AsyncIterable<Uint8Array | string>) {
    some ||= piece.length > 0;
    yield piece;
  }
  if (some) return;
  throw new CloisterError("USAGE", "standard input is empty: there is nothing to store", {
    why: "the program that should write to it may have failed",
    next: "look at its output; an empty file can be pushed by its path",
  });
}

/** What was written, and where it was looked for before. */
export interface Content extends Written {
  readonly bases: Bases;
  /** What this device knows of the files, where they are some of its own. */
  readonly seen: StatCache | undefined;
}

export interface HowToWrite {
  readonly journal: Journal;
  /** Whether chunks of other versions are used again, and with them their push keys. */
  readonly shares: boolean;
  /** Versions that the pusher named to find content in. */
  readonly named: readonly Version[];
}

/**
 * Cuts, encrypts and stores what is not there yet.
 * @throws CloisterError USAGE where there is nothing to push
 */
export async function write(
  session: Session,
  plan: PushPlan,
  source: Source | undefined,
  { journal, shares, named }: HowToWrite,
): Promise<Content> {
  const { host } = session;
  // What shares nothing with other versions has to be read in any case.
  const seen = shares ? await seenHere(session, plan, source) : undefined;
  const bases = shares ? await basesOf(session, plan, { named, seenAs: seen?.versionId }) : NO_BASES;
  const { files, bytesTotal } = source ?? workspaceSource(plan);
  const progress = progressOf(host, bytesTotal);
  const content = await writeContent(source?.here ? files : withoutManifest(files), {
    place: packPlace(session, plan),
    pushKey: journal.pushKey,
    sources: bases.usable,
    seen,
    bytesExpected: bytesTotal,
    resume: progress.keptBefore(journal.packs),
    onPack: async (record) => {
      await journal.stored(record);
      progress.kept(record.bytes);
    },
    signal: host.signal,
    progress: progress.come,
  });
  if (content.files.some((file) => file.kind !== "directory")) return { ...content, bases, seen };
  throw new CloisterError("USAGE", "there is nothing to push", { why: "it holds no file" });
}

/** Tells how far it has come, with what the store has confirmed. */
function progressOf(host: Host, bytesTotal: number | undefined) {
  let confirmed = 0;
  // They stay stored, however far this attempt comes on its way to them.
  let before = 0;
  let far = { bytes: 0, bytesNew: 0 };
  const report = () => {
    // Less than that is confirmed where it was compressed, and a little more with its padding.
    const come = Math.min(far.bytes, far.bytes - far.bytesNew + confirmed);
    const bytesKept = Math.max(come, Math.min(before, bytesTotal ?? before));
    host.progress({ step: "pushing", ...far, bytesTotal, bytesKept });
  };
  return {
    come: (now: typeof far) => {
      far = now;
      report();
    },
    keptBefore: async function* (packs: AsyncIterable<PackRecord>): AsyncGenerator<PackRecord> {
      for await (const pack of packs) {
        before += pack.bytes;
        yield pack;
      }
    },
    kept: (bytes: number) => {
      confirmed += bytes;
      report();
    },
  };
}

async function seenHere(
  session: Session,
  { options }: PushPlan,
  source: Source | undefined,
): Promise<StatCache | undefined> {
  if (!source?.here) return undefined;
  const { reread = false } = options;
  return await StatCache.open(stateOf(session), await session.identity(), { ...source.here, reread });
}

/** Folder for what this device knows of the project. */
export function stateOf({ places, config }: Session): string {
  return `${places.state}/${config.project}`;
}

const NO_BASES: Bases = { usable: [], leftOut: [] };

/** `pull` writes the manifest under this name: an artifact that has it could never be pulled into a folder. */
async function* withoutManifest(
  files: AsyncIterable<FileEntry | UnsizedEntry>,
): AsyncIterable<FileEntry | UnsizedEntry> {
  for await (const file of files) {
    if (file.path.split("/")[0] === PROVENANCE_FILE) {
      throw new CloisterError("USAGE", `${PROVENANCE_FILE} cannot be pushed at the top of an artifact`, {
        why: "pull writes the signed manifest under that name",
        next: "rename it",
      });
    }
    yield file;
  }
}

function workspaceSource({ from, options }: PushPlan): Source {
  if (!from || !("path" in options.source)) {
    throw new CloisterError("USAGE", "--from needs a path inside the workspace", {
      next: "cloister push out/ --from NAME",
    });
  }
  return { files: from.collect(options.source.path), bytesTotal: undefined, sayers: [] };
}
