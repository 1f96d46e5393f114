// Streams files into the volume as a tar archive, so that plain text never touches the host's disk.
import type { Writable } from "node:stream";
import tar from "tar-stream";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import { formatBytes } from "../../base/units.ts";
import type { HolderState } from "../sandbox.ts";
import type { FolderScript, StartFolderTask } from "./folder-task.ts";
import { checkInputName } from "./input-name.ts";

const EXISTS = 20;
/** Times in an archive mean nothing here; modes are exactly ours. */
const EXTRACT =
  "tar --extract --blocking-factor=256 --read-full-records --file=- --touch --same-permissions --no-same-owner";

/** In an archive for an input: its files, and last of all an empty one that says that they are all there. */
const FILES = "files";
const COMPLETE = "complete";

/** An input is unpacked beside its place and moved there only where the archive came to its end. */
const FILL_INPUT = `cd /folder || exit
[ ! -e "$1" ] || exit ${String(EXISTS)}
rm -rf -- ".$1" && mkdir -m 0755 -- ".$1" ".$1/${FILES}" || exit
${EXTRACT} -C ".$1" && [ -f ".$1/${COMPLETE}" ] && mv -T -- ".$1/${FILES}" "$1" && rm -rf -- ".$1" && exit
rm -rf -- ".$1"
exit 1`;

/** Does what {@link Sandbox.fill} says, in a workspace that is known to be alive. */
export async function fill(
  start: StartFolderTask,
  state: HolderState,
  target: { readonly input: string } | "workspace",
  files: AsyncIterable<FileEntry>,
): Promise<void> {
  const task = start(script(target));
  task.stdout.resume();
  let finished = false;
  const ended = task.ended.then((end) => {
    finished = true;
    return end;
  });
  const archive = new ArchiveWriter(task.stdin, target === "workspace" ? "" : `${FILES}/`, ended, () => finished);
  try {
    for await (const file of files) {
      if (!(await archive.add(file))) break;
    }
    archive.end(target === "workspace" ? undefined : COMPLETE);
  } catch (error) {
    archive.abandon();
    task.stdin.destroy();
    await ended;
    throw error;
  }
  const { exit, message } = await ended;
  if (exit !== 0) throw failure(state, target, exit, message);
}

function script(target: { readonly input: string } | "workspace"): FolderScript {
  return target === "workspace"
    ? { folder: "work", access: "write", script: `cd /folder && exec ${EXTRACT}`, args: [] }
    : { folder: "inputs", access: "write", script: FILL_INPUT, args: [checkInputName(target.input)] };
}

/** Writes archive members in order, and notices where the reader is gone. */
class ArchiveWriter {
  readonly #pack = tar.pack();
  readonly #prefix: string;
  readonly #ended: Promise<unknown>;
  readonly #finished: () => boolean;

  constructor(to: Writable, prefix: string, ended: Promise<unknown>, finished: () => boolean) {
    this.#prefix = prefix;
    this.#ended = ended;
    this.#finished = finished;
    this.#pack.on("error", () => undefined);
    this.#pack.pipe(to);
  }

  /** False where the reader has ended, so that the rest need not be read. */
  async add(file: FileEntry): Promise<boolean> {
    const problem = pathProblem(file.path);
    if (problem) {
      throw new CloisterError("FAILURE", `${printable(file.path)} cannot be a file in a workspace`, { why: problem });
    }
    if (file.kind === "directory") {
      this.#pack.entry({ name: `${this.#prefix}${file.path}/`, type: "directory", mode: 0o755 });
      return !this.#finished();
    }
    const mode = file.kind === "executable" ? 0o755 : 0o644;
    const member = this.#pack.entry({ name: `${this.#prefix}${file.path}`, size: file.bytes, mode });
    // An error of the member is one of the archive, which ends the reader.
    member.on("error", () => undefined);
    let bytes = 0;
    for await (const chunk of file.read()) {
      bytes += chunk.length;
      if (bytes > file.bytes) break;
      if (!member.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) await this.#drained(member);
      if (this.#finished()) return false;
    }
    if (bytes !== file.bytes) {
      throw new CloisterError("FAILURE", `${printable(file.path)} changed while it was read`, {
        why: `it was ${String(file.bytes)} bytes long and then ${String(bytes)} or more`,
        next: "wait until nothing writes to it, then try again",
      });
    }
    member.end();
    return true;
  }

  /** @param last name of an empty member that ends it */
  end(last: string | undefined): void {
    if (last !== undefined) this.#pack.entry({ name: last }, "");
    this.#pack.finalize();
  }

  abandon(): void {
    this.#pack.destroy();
  }

  async #drained(member: Writable): Promise<void> {
    await Promise.race([new Promise((resolve) => member.once("drain", resolve)), this.#ended]);
  }
}

/** What tar says of a full volume; the last two of an encrypted one. */
const FULL = /No space left on device|Disk quota exceeded|File too large|Wrote only \d+ of \d+ bytes/;

function failure(
  state: HolderState,
  target: { readonly input: string } | "workspace",
  exit: number,
  message: string,
): CloisterError {
  const what = target === "workspace" ? "the code" : `input ${target.input}`;
  if (exit === EXISTS)
    return new CloisterError("USAGE", `${what} is in the workspace already`, {
      next: "give it another path, or create another workspace",
    });
  if (FULL.test(message)) {
    const disk = state.volume === "encrypted" ? ", or the disk that it lies on is full" : "";
    return new CloisterError("FAILURE", `${what} does not fit into the workspace`, {
      why: `its volume holds ${formatBytes(state.diskBytes)} (--disk), inputs and outputs together${disk}`,
      next: "create the workspace anew with a larger --disk",
    });
  }
  return new CloisterError("FAILURE", `${what} could not be written into the workspace`, {
    why: printable(message.trim().slice(0, 500)) || `the sandbox ended with code ${String(exit)}`,
    next: "cloister ws show NAME",
  });
}
