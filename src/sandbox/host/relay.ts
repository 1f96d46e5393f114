// Passes a command's streams on, between our ends of its pipes and the caller's streams.
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Streams } from "../../base/streams.ts";
import type { CommandPipes } from "./pipes.ts";

/** Passes the streams on until the command has ended and all its output is through. */
export async function relay(pipes: CommandPipes, streams: Streams, ended: Promise<unknown>): Promise<void> {
  const { stdin } = streams;
  pipes.stdin.on("error", () => undefined);
  if (stdin.readableEnded || stdin.destroyed) pipes.stdin.end();
  else stdin.pipe(pipes.stdin);
  const outputs = [forward(pipes.stdout, streams.stdout)];
  if (pipes.stderr) outputs.push(forward(pipes.stderr, streams.stderr));
  await ended;
  stdin.unpipe(pipes.stdin);
  // What the command did not read stays unread, and must not keep the process waiting.
  if (stdin.readableFlowing) stdin.pause();
  pipes.stdin.destroy();
  await Promise.all(outputs);
}

function forward(from: Socket, to: Writable): Promise<void> {
  return new Promise((resolve) => {
    // Where nobody reads any more, the command gets SIGPIPE like any other.
    const stop = () => from.destroy();
    to.once("error", stop);
    to.once("close", stop);
    from.once("error", stop);
    from.once("close", () => {
      to.off("error", stop);
      to.off("close", stop);
      resolve();
    });
    from.pipe(to, { end: false });
  });
}
