// Takes files out of a workspace whose code is hostile. GNU tar reads them inside a sandbox that shows nothing but
// /workspace; here its archive is believed only as far as it holds regular files with harmless names.
import { posix } from "node:path";
import tar from "tar-stream";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { CollisionCheck, pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import type { StartFolderTask } from "./folder-task.ts";

// Exit codes of the script.
const LINK = 20;
const MISSING = 21;
const ODD = 22;

/**
 * Walks to the path given part by part, refusing links; refuses what is neither file nor folder before anything is
 * read (tar leaves sockets out in silence); then archives files and empty folders in the order of their whole paths.
 */
const COLLECT = `cd /folder || exit 1
leaf=
for part do
  [ -z "$leaf" ] || exit ${String(MISSING)}
  if [ -L "./$part" ]; then printf %s "$PWD/$part" >&2; exit ${String(LINK)}
  elif [ -d "./$part" ]; then cd -P "./$part" || exit 1
  elif [ -e "./$part" ]; then leaf="./$part"
  else exit ${String(MISSING)}
  fi
done
top=\${leaf:-.} depth=1
[ -z "$leaf" ] || depth=0
odd=$(find "$top" ! -type f ! -type d -printf "%y$PWD/%p" -quit) || exit 1
[ -z "$odd" ] || { printf %s "$odd" >&2; exit ${String(ODD)}; }
find "$top" -mindepth $depth "(" -type f -o -type d -empty ")" -print0 >/tmp/list || exit 1
sort -z -o /tmp/list /tmp/list || exit 1
exec tar --create --file=- --format=pax --hard-dereference --no-recursion --null --verbatim-files-from \\
  --mtime=@0 --owner=0 --group=0 --numeric-owner --files-from=/tmp/list`;

/** Letters of find's `%y`. */
const KINDS: Readonly<Record<string, string>> = {
  l: "a symbolic link",
  p: "a named pipe",
  s: "a socket",
  b: "a device",
  c: "a device",
};

/** Does what {@link Sandbox.collect} says, in a workspace that is known to be alive. */
export async function* collect(start: StartFolderTask, path: string): AsyncGenerator<FileEntry> {
  const task = start({
    folder: "work",
    access: "read",
    script: COLLECT,
    args: partsOf(path),
  });
  task.stdin.end();
  const archive = tar.extract();
  task.stdout.pipe(archive);
  try {
    yield* filesOf(archive);
    const { exit, message } = await task.ended;
    if (exit !== 0) throw failure(path, exit, message);
  } finally {
    // The reader may have had enough; a task that has ended does not mind.
    task.kill();
  }
}

/** @throws {@link CloisterError} USAGE for a path that is not in /workspace */
function partsOf(path: string): string[] {
  const absolute = posix.resolve("/workspace", path);
  if (absolute !== "/workspace" && !absolute.startsWith("/workspace/")) {
    throw new CloisterError("USAGE", `${printable(path)} is not in /workspace`, {
      why: "only what lies in /workspace can leave a workspace",
      next: "cloister run NAME -- cp -r PATH /workspace/",
    });
  }
  return absolute.split("/").slice(2);
}

async function* filesOf(archive: tar.Extract): AsyncGenerator<FileEntry> {
  const collisions = new CollisionCheck();
  const entries = archive[Symbol.asyncIterator]();
  for (;;) {
    let next: IteratorResult<tar.Entry>;
    try {
      next = await entries.next();
    } catch (cause) {
      throw new CloisterError("FAILURE", "the workspace ended while files were read from it", {
        why: "what was read is not whole",
        next: "cloister ws list",
        cause,
      });
    }
    if (next.done) return;
    const entry = next.value;
    // Whatever the reader leaves unread, or refuses, must not hold up the archive.
    entry.on("error", () => undefined);
    yield fileOf(entry, collisions);
    entry.resume();
  }
}

/** @throws {@link CloisterError} FAILURE for anything that no artifact may hold */
function fileOf(entry: tar.Entry, collisions: CollisionCheck): FileEntry {
  const { name, type, size = 0, mode = 0 } = entry.header;
  const path = name.replace(/^\.\//, "").replace(/\/$/, "");
  if (type !== "file" && type !== "directory") throw refused(path, type === "symlink" ? "a symbolic link" : "special");
  const problem = pathProblem(path);
  if (problem) {
    throw new CloisterError("FAILURE", `${printable(path)} cannot leave the workspace`, {
      why: `${problem}`,
      next: "rename it in the workspace",
    });
  }
  const earlier = collisions.add(path);
  if (earlier !== undefined) {
    throw new CloisterError("FAILURE", `${printable(path)} cannot leave the workspace beside ${printable(earlier)}`, {
      why: "they are the same name on systems that fold case or Unicode forms",
      next: "rename one of them in the workspace",
    });
  }
  // GNU tar's sparse members (never asked for) hold a map before the content.
  const pax = (entry.header as { readonly pax?: Readonly<Record<string, string>> | null }).pax ?? {};
  if (Object.keys(pax).some((key) => key.startsWith("GNU.sparse"))) throw refused(path, "sparse");
  if (type === "directory") return { path, kind: "directory", bytes: 0, read: async function* () {} };
  return { path, kind: mode & 0o100 ? "executable" : "file", bytes: size, read: () => entry };
}

function failure(path: string, exit: number, message: string): CloisterError {
  if (exit === MISSING) {
    return new CloisterError("NOT_FOUND", `there is no ${printable(path)} in the workspace`, {
      next: "cloister run NAME -- ls -la /workspace",
    });
  }
  if (exit === LINK) return refused(shownPath(message), "a symbolic link");
  if (exit === ODD) return refused(shownPath(message.slice(1)), KINDS[message[0] ?? ""] ?? "special");
  // tar writes `tar: ./name: file changed as we read it` and the like, then a summary line.
  const [first = ""] = message.split("\n");
  return new CloisterError("FAILURE", `${printable(path)} could not be read from the workspace`, {
    why: printable(first.replace(/^tar: /, "").slice(0, 500)) || `the sandbox ended with code ${String(exit)}`,
    next: "wait until no command changes it, and check its permissions",
  });
}

/** A path as the script names it, relative to /workspace. */
function shownPath(inside: string): string {
  return posix.relative("/folder", posix.normalize(inside));
}

function refused(path: string, kind: string): CloisterError {
  return new CloisterError("FAILURE", `${printable(path)} is ${kind}; only regular files can leave a workspace`, {
    next: "remove it, or put a copy of what it stands for in its place",
  });
}
