// What a disk holds after power loss, by the least that POSIX promises: the bytes of a file count from its fsync on, a name
// from the fsync of its folder on. What was not synced may be there or not; both extremes are made from the record of a run.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** One system call on the store, in the order in which they ended. */
export type Call =
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "link"; readonly from: string; readonly to: string }
  | { readonly kind: "mkdir"; readonly path: string }
  /** Something was printed: what an acknowledgement is. */
  | { readonly kind: "said" };

/** Reads what `strace -f -y` wrote; a call that another thread interrupted is put together again. */
export function readCalls(log: string, store: string): readonly Call[] {
  const begun = new Map<string, string>();
  return readFileSync(log, "latin1")
    .split("\n")
    .flatMap((line) => {
      const [, pid = "", text = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
      if (text.endsWith("<unfinished ...>")) {
        begun.set(pid, text.slice(0, -"<unfinished ...>".length).trimEnd());
        return [];
      }
      const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
      return callOf(resumed === undefined ? text : `${begun.get(pid) ?? ""}${resumed}`, store);
    });
}

function callOf(text: string, store: string): readonly Call[] {
  if (/^write\(1</.test(text)) return [{ kind: "said" }];
  if (!text.endsWith("= 0") || !text.includes(store)) return [];
  const [first = "", second = ""] = [...text.matchAll(/"([^"]*)"/g)].map(([, path]) => path);
  const synced = /^f(?:data)?sync\(\d+<([^>]*)>/.exec(text)?.[1];
  if (synced !== undefined) return [{ kind: "sync", path: synced }];
  if (/^link(at)?\(/.test(text)) return [{ kind: "link", from: first, to: second }];
  if (/^mkdir(at)?\(/.test(text)) return [{ kind: "mkdir", path: first }];
  return [];
}

interface Place {
  /** Whether the name (of a folder or an object) survives for certain. */
  named: boolean;
  /** Whether the bytes survive for certain; of folders, always. */
  readonly whole: boolean;
}

/**
 * @param unsynced `lost`: nothing that was not synced is there. `named`: all names are there, and the bytes that were not
 * synced are not
 */
export function afterPowerLoss(
  calls: readonly Call[],
  unsynced: "lost" | "named",
): ReadonlyMap<string, "whole" | "empty"> {
  const places = new Map<string, Place>();
  const synced = new Set<string>();
  for (const call of calls) {
    if (call.kind === "link") places.set(call.to, { named: false, whole: synced.has(call.from) });
    if (call.kind === "mkdir") places.set(call.path, { named: false, whole: true });
    if (call.kind !== "sync") continue;
    synced.add(call.path);
    for (const [path, place] of places) if (dirname(path) === call.path) place.named = true;
  }
  const there = new Map<string, "whole" | "empty">();
  for (const [path, { named, whole }] of places) {
    const reached = [...places].every(([folder, each]) => !path.startsWith(`${folder}/`) || each.named);
    if (unsynced === "named" || (named && reached)) there.set(path, whole ? "whole" : "empty");
  }
  return there;
}

/** Makes a store of what was there before and of what of the finished one survived. */
export function rebuild(
  target: string,
  before: string,
  after: string,
  survivors: ReadonlyMap<string, "whole" | "empty">,
): void {
  rmSync(target, { recursive: true, force: true });
  cpSync(before, target, { recursive: true });
  for (const [path, state] of survivors) {
    const inside = path.slice(after.length + 1);
    const bytes = state === "whole" ? fileOrFolder(path) : Buffer.alloc(0);
    if (bytes === "folder") mkdirSync(join(target, inside), { recursive: true });
    else {
      mkdirSync(dirname(join(target, inside)), { recursive: true });
      writeFileSync(join(target, inside), bytes, { flag: "w" });
    }
  }
}

function fileOrFolder(path: string): Buffer | "folder" {
  try {
    return readFileSync(path);
  } catch {
    return "folder";
  }
}
