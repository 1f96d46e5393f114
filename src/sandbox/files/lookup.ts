// What stands at given paths of /workspace, and removing files there. Links that the workspace's code planted lead to
// nothing but what its own sandbox shows, so that it can mislead nobody but itself.
import { CloisterError } from "../../base/errors.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import type { WorkspaceFile } from "../sandbox.ts";
import type { StartFolderTask } from "./folder-task.ts";

/** Reading files again and again while they change must come to an end. */
const SECONDS_MAX = 900;

// There is no /dev/null in these sandboxes, which xargs(1) would open where its list is not a file.

/** Kinds by letter, then sums: `f path`, `x path`, `d path`, `o path`, and `<sha256>  ./path`, each with a NUL. */
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
[ ! -e /tmp/list ] || exec timeout --kill-after=5 ${String(SECONDS_MAX)} xargs -0 -r -a /tmp/list sha256sum --zero --`;

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
  const kinds = new Map<string, string>();
  const sums = new Map<string, string>();
  await onPaths(start, "read", LOOK_UP, paths, (item) => {
    const sum = /^([0-9a-f]{64}) [ *]\.\/(.*)$/s.exec(item);
    if (sum) sums.set(sum[2] ?? "", sum[1] ?? "");
    else kinds.set(item.slice(2), item.slice(0, 1));
  });
  const found = new Map<string, WorkspaceFile>();
  for (const path of paths) {
    const [kind, sha256] = [kinds.get(path), sums.get(path)];
    if (kind === undefined) continue;
    if (kind === "d") found.set(path, { kind: "directory" });
    else if (sha256 === undefined) found.set(path, { kind: "other" });
    else found.set(path, { kind: kind === "x" ? "executable" : "file", sha256 });
  }
  return found;
}

/** Does what {@link Sandbox.remove} says, in a workspace that is known to be alive. */
export async function remove(start: StartFolderTask, paths: readonly string[]): Promise<void> {
  await onPaths(
    start,
    "write",
    REMOVE,
    paths.map((path) => `./${path}`),
    () => {},
  );
}

/** Runs a script that reads paths, and takes what it prints, both with a NUL after each. */
async function onPaths(
  start: StartFolderTask,
  access: "read" | "write",
  script: string,
  paths: readonly string[],
  take: (item: string) => void,
): Promise<void> {
  const bad = paths.find((path) => pathProblem(path.replace(/^\.\//, "")) !== undefined);
  if (bad !== undefined) throw new CloisterError("USAGE", `${printable(bad)} cannot be a file in a workspace`);
  if (paths.length === 0) return;
  const task = start({ folder: "work", access, script, args: [] });
  task.stdin.end(paths.map((path) => `${path}\0`).join(""));
  const pieces: Buffer[] = [];
  for await (const piece of task.stdout) pieces.push(piece as Buffer);
  const { exit, message } = await task.ended;
  if (exit !== 0) {
    throw new CloisterError("FAILURE", "the files in the workspace could not be looked at", {
      why:
        printable(message.trim().split("\n")[0]?.slice(0, 500) ?? "") || `the sandbox ended with code ${String(exit)}`,
      next: "wait until no command changes them, then try again",
    });
  }
  for (const item of Buffer.concat(pieces).toString("utf8").split("\0")) if (item !== "") take(item);
}
