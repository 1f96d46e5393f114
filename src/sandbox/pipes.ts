// Real pipes for a command's standard streams. Node's own "pipes" are sockets, on which `> /dev/stderr` fails inside.
import { execFile } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { OUTER_ENVIRONMENT, type Runtime } from "./runtime.ts";

const { O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

export interface CommandPipes {
  /** Our ends: what is written to `stdin` the command reads, and so on. */
  readonly stdin: Socket;
  readonly stdout: Socket;
  readonly stderr: Socket;
  /** The command's ends, to be handed to spawn(). */
  readonly theirs: readonly [number, number, number];
  /** Closes our copies of the command's ends, without which no end of file is ever seen. */
  handedOver(): void;
}

/** Three named pipes, opened at both ends and removed from the file system again before anything is written. */
export async function openPipes({ programs, temporaryFolder }: Runtime): Promise<CommandPipes> {
  const folder = mkdtempSync(join(temporaryFolder, "cloister-"));
  try {
    const paths = ["0", "1", "2"].map((name) => join(folder, name)) as [string, string, string];
    // Open to everybody inside a folder that is ours alone: a command under another uid may re-open /dev/stderr.
    await promisify(execFile)(programs.mkfifo, ["-m", "666", "--", ...paths], { env: OUTER_ENVIRONMENT });
    const [input, output, errors] = [
      openBoth(paths[0], O_WRONLY, O_RDONLY),
      openBoth(paths[1], O_RDONLY, O_WRONLY),
      openBoth(paths[2], O_RDONLY, O_WRONLY),
    ];
    const theirs = [input.theirs, output.theirs, errors.theirs] as const;
    return {
      stdin: new Socket({ fd: input.ours, readable: false, writable: true }),
      stdout: new Socket({ fd: output.ours, readable: true, writable: false }),
      stderr: new Socket({ fd: errors.ours, readable: true, writable: false }),
      theirs,
      handedOver: () => theirs.forEach(closeSync),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function openBoth(path: string, ourMode: number, theirMode: number): { ours: number; theirs: number } {
  // Opening one end of a named pipe waits for the other (fifo(7)), unless somebody holds both.
  const both = openSync(path, O_RDWR);
  try {
    return { ours: openSync(path, ourMode | O_NONBLOCK), theirs: openSync(path, theirMode) };
  } finally {
    closeSync(both);
  }
}
