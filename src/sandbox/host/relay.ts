// Passes a command's streams on, between our ends of its pipes and the caller's streams.
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import type { Streams } from "../../base/streams.ts";
import { type CommandPipes, openPipes } from "./pipes.ts";

/**
 * Starts a command on pipes of its own, and passes its streams on.
 *
 * @param start gets the command's ends
 * @returns what it started, and a promise that all its output is through
 * @throws {@link CloisterError} FAILURE without pipes, and as `start`
 */
export async function startOnPipes<Started extends { readonly ended: Promise<unknown> }>(
  makers: Parameters<typeof openPipes>[0],
  streams: Streams,
  start: (stdio: CommandPipes["theirs"]) => Started,
): Promise<{ readonly started: Started; readonly passedOn: Promise<void> }> {
  const pipes = await openPipes(makers, streams.stdout === streams.stderr);
  let started: Started;
  try {
    started = start(pipes.theirs);
  } catch (error) {
    for (const pipe of [pipes.stdin, pipes.stdout, pipes.stderr]) pipe?.destroy();
    throw error;
  } finally {
    pipes.handedOver();
  }
  return { started, passedOn: relay(pipes, streams, started.ended) };
}

/** Passes the streams on until the command has ended and all its output is through. */
async function relay(pipes: CommandPipes, streams: Streams, ended: Promise<unknown>): Promise<void> {
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
