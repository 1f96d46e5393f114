// Streams files into the volume as a tar archive, so that plain text never touches the host's disk.
import type { Writable } from "node:stream";
import tar from "tar-stream";
import { CloisterError } from "../base/errors.ts";
import type { FileEntry } from "../base/file-entry.ts";
import { pathProblem } from "../base/path.ts";
import { printable } from "../base/terminal.ts";
import { formatBytes } from "../base/units.ts";
import { type FolderScript, startFolderTask } from "./folder-task.ts";
import { checkInputName } from "./input-name.ts";
import { FEED_FD } from "./launch.ts";
import type { Runtime } from "./runtime.ts";
import type { HolderState } from "./sandbox.ts";

const EXISTS = 20;
/** Times in an archive mean nothing here; modes are exactly ours. */
const EXTRACT = "tar --extract --file=- --touch --same-permissions --no-same-owner";

/** An input is unpacked beside its place and moved there only when we say that it is complete. */
const FILL_INPUT = `cd /folder || exit
[ ! -e "$1" ] || exit ${String(EXISTS)}
rm -rf -- ".$1" && mkdir -m 0755 -- ".$1" || exit
${EXTRACT} -C ".$1" && read -r word <&${String(FEED_FD)} && [ "$word" = complete ] && mv -T -- ".$1" "$1" && exit
rm -rf -- ".$1"
exit 1`;

/** Does what {@link Sandbox.fill} says, in a workspace that is known to be alive. */
export async function fill(
  runtime: Runtime,
  state: HolderState,
  target: { readonly input: string } | "workspace",
  files: AsyncIterable<FileEntry>,
): Promise<void> {
  const task = startFolderTask(runtime, state, script(target));
  task.stdout.resume();
  let finished = false;
  const ended = task.ended.then((end) => {
    finished = true;
    return end;
  });
  const archive = new ArchiveWriter(task.stdin, ended, () => finished);
  try {
    for await (const file of files) {
      if (!(await archive.add(file))) break;
    }
    archive.end();
    if (!finished) task.feed.end("complete\n");
  } catch (error) {
    archive.abandon();
    task.feed.end("incomplete\n");
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
  readonly #ended: Promise<unknown>;
  readonly #finished: () => boolean;

  constructor(to: Writable, ended: Promise<unknown>, finished: () => boolean) {
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
      this.#pack.entry({ name: `${file.path}/`, type: "directory", mode: 0o755 });
      return !this.#finished();
    }
    const mode = file.kind === "executable" ? 0o755 : 0o644;
    const member = this.#pack.entry({ name: file.path, size: file.bytes, mode });
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
      });
    }
    member.end();
    return true;
  }

  end(): void {
    this.#pack.finalize();
  }

  abandon(): void {
    this.#pack.destroy();
  }

  async #drained(member: Writable): Promise<void> {
    await Promise.race([new Promise((resolve) => member.once("drain", resolve)), this.#ended]);
  }
}

function failure(
  state: HolderState,
  target: { readonly input: string } | "workspace",
  exit: number,
  message: string,
): CloisterError {
  const what = target === "workspace" ? "the code" : `input ${target.input}`;
  if (exit === EXISTS) return new CloisterError("USAGE", `${what} is in the workspace already`);
  if (/No space left on device|Disk quota exceeded/.test(message)) {
    return new CloisterError("FAILURE", `${what} does not fit into the workspace`, {
      why: `its volume holds ${formatBytes(state.diskBytes)} (--disk), inputs and outputs together`,
      next: "create the workspace anew with a larger --disk",
    });
  }
  return new CloisterError("FAILURE", `${what} could not be written into the workspace`, {
    why: printable(message.trim().slice(0, 500)) || `the sandbox ended with code ${String(exit)}`,
  });
}
