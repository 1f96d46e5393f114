// What stands at given paths of /workspace, and removing files there. Links that the workspace's code planted lead to
// nothing but what its own sandbox shows, so that it can mislead nobody but itself.
import { CloisterError } from "../../base/errors.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import type { WorkspaceFile } from "../sandbox.ts";
import type { StartFolderTask } from "./folder-task.ts";
import { eachRecord, type RecordsEnd } from "./records.ts";

/** Reading files again and again while they change must come to an end. */
const LOOK_UP_SECONDS_MAX = 900;
const DIGEST_SECONDS_MAX = 60;
const REMOVE_SECONDS_MAX = 900;
/** For all beside the reading: paths come in, kinds go out. */
const BESIDE_SECONDS_MAX = 60;

// There is no /dev/null in these sandboxes, which xargs(1) would open where its list is not a file.

/**
 * `$1` is how many seconds it may read. Kinds by letter, then sums: `f path`, `x path`, `d path`, `o path`, and
 * `<sha256>  ./path`, each with a NUL.
 */
const LOOK_UP = `cd /folder || exit
cat >/tmp/paths || exit
xargs -0 -r -a /tmp/paths sh -c 'for path do
  file=./$path
  if [ -L "$file" ]; then kind=o
  elif [ -d "$file" ]; then kind=d
  elif [ ! -e "$file" ]; then continue
  elif [ ! -f "$file" ] || [ ! -r "$file" ]; then kind=o
  else
    if [ -x "$file" ]; then kind=x; else kind=f; fi
    printf "%s\\0" "$file" >>/tmp/list || exit
  fi
  printf "%s %s\\0" "$kind" "$path"
done' sh || exit
[ ! -e /tmp/list ] || exec timeout --kill-after=5 "$1" xargs -0 -r -a /tmp/list sha256sum --zero --`;

/** Folders that are empty then go, too. */
const REMOVE = `cd /folder || exit
cat >/tmp/list || exit
xargs -0 -r -a /tmp/list rm -f -- || exit
xargs -0 -r -a /tmp/list dirname -z -- | sort -zu >/tmp/folders
xargs -0 -r -a /tmp/folders rmdir -p --ignore-fail-on-non-empty -- 2>/tmp/errors
exit 0`;

/** Does what {@link Sandbox.lookUp} says, in a workspace that is known to be alive. */
export async function lookUp(
  start: StartFolderTask,
  paths: readonly string[],
): Promise<ReadonlyMap<string, WorkspaceFile>> {
  checkPaths(paths);
  const { kinds, sums, end } = await look(start, paths, LOOK_UP_SECONDS_MAX);
  checkEnd(end);
  const found = new Map<string, WorkspaceFile>();
  for (const [path, kind] of kinds) {
    const sha256 = sums.get(path);
    if (kind === "d") found.set(path, { kind: "directory" });
    else if (sha256 === undefined) found.set(path, { kind: "other" });
    else found.set(path, { kind: kind === "x" ? "executable" : "file", sha256 });
  }
  return found;
}

/** Does what {@link Sandbox.digest} says, in a workspace that is known to be alive. */
export async function digest(start: StartFolderTask, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return (await look(start, paths, DIGEST_SECONDS_MAX)).sums;
}

/** Does what {@link Sandbox.remove} says, in a workspace that is known to be alive. */
export async function remove(start: StartFolderTask, paths: readonly string[]): Promise<void> {
  checkPaths(paths);
  const words = paths.map((path) => `./${path}`);
  checkEnd(await onPaths(start, { access: "write", script: REMOVE, secondsMax: REMOVE_SECONDS_MAX }, words, () => {}));
}

interface Seen {
  readonly kinds: ReadonlyMap<string, string>;
  readonly sums: ReadonlyMap<string, string>;
  readonly end: RecordsEnd;
}

async function look(start: StartFolderTask, paths: readonly string[], secondsMax: number): Promise<Seen> {
  const [kinds, sums] = [new Map<string, string>(), new Map<string, string>()];
  const end = await onPaths(start, { access: "read", script: LOOK_UP, secondsMax }, paths, (item) => {
    const sum = /^([0-9a-f]{64}) [ *]\.\/(.*)$/s.exec(item);
    if (sum) sums.set(sum[2] ?? "", sum[1] ?? "");
    else kinds.set(item.slice(2), item.slice(0, 1));
  });
  return { kinds, sums, end };
}

interface PathScript {
  readonly access: "read" | "write";
  readonly script: string;
  readonly secondsMax: number;
}

/** Runs a script that reads paths, and takes what it prints, both with a NUL after each. */
async function onPaths(
  start: StartFolderTask,
  { access, script, secondsMax }: PathScript,
  paths: readonly string[],
  take: (item: string) => void,
): Promise<RecordsEnd> {
  if (paths.length === 0) return { exit: 0, message: "", late: false };
  const task = start({ folder: "work", access, script, args: [String(secondsMax)] });
  task.stdin.end(paths.map((path) => `${path}\0`).join(""));
  return await eachRecord(task, (secondsMax + BESIDE_SECONDS_MAX) * 1000, (record) => {
    take(record.toString("utf8"));
    return true;
  });
}

/** @throws {@link CloisterError} USAGE */
function checkPaths(paths: readonly string[]): void {
  for (const path of paths) {
    const why = pathProblem(path);
    if (why)
      throw new CloisterError("USAGE", `${printable(path)} cannot be a file in a workspace`, {
        why,
        next: "rename it",
      });
  }
}

/** @throws {@link CloisterError} FAILURE */
function checkEnd({ exit, message, late }: RecordsEnd): void {
  if (exit === 0) return;
  const said = printable(message.trim().split("\n")[0]?.slice(0, 500) ?? "");
  throw new CloisterError("FAILURE", "the files in the workspace could not be looked at", {
    why: late ? "it took too long" : said || `the sandbox ended with code ${String(exit)}`,
    next: "wait until no command changes them, then try again",
  });
}
