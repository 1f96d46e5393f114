// Connections from the host to what listens on a workspace's loopback. A process enters the workspace's network namespace
// and no other of its namespaces, connects, and hands the connected socket over: nothing inside can send it elsewhere, as a
// link at a socket's path could.
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { startProgram } from "../host/spawn.ts";
import type { Dialer, HolderState } from "../sandbox.ts";
import { type Entrant, enterNetwork } from "./enter.ts";

const DIAL_MS = 10_000;

/** Sockets stay paused, so that nothing is read before they are handed over. It ends by itself when it is let go. */
const CONNECTOR = `
const net = require("node:net");
process.on("message", ({ id, port }) => {
  const socket = new net.Socket();
  socket.pause();
  socket.once("error", (error) => process.send({ id, error: error.code || "failed" }, () => {}));
  socket.connect({ host: "127.0.0.1", port }, () => process.send({ id }, socket, () => {}));
});
`;

interface Answer {
  readonly id: number;
  readonly error?: string;
}

/** Does what {@link Sandbox.dialer} says, in a workspace that is known to be alive. */
export function dialInto(runtime: Entrant, state: HolderState): Dialer {
  const child = startProgram([...enterNetwork(runtime, state), process.execPath, "-e", CONNECTOR], {
    ...{ cwd: "/", env: OUTER_ENVIRONMENT },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const waiting = answersOf(child);
  let last = 0;
  return {
    connect: (port) => {
      if (!child.connected) return Promise.reject(unreachable("the way into the workspace is gone"));
      const id = ++last;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => settle(undefined, "it took too long"), DIAL_MS);
        const settle = (socket: Socket | undefined, error?: string): void => {
          clearTimeout(timer);
          waiting.delete(id);
          if (socket) resolve(socket);
          else reject(unreachable(error ?? "nothing came"));
        };
        waiting.set(id, settle);
        child.send({ id, port }, (error) => error && settle(undefined, error.message));
      });
    },
    close: () => {
      if (child.connected) child.disconnect();
    },
  };
}

function answersOf(child: ChildProcess): Map<number, (socket: Socket | undefined, error?: string) => void> {
  const waiting = new Map<number, (socket: Socket | undefined, error?: string) => void>();
  child.on("message", (answer: Answer, socket) => {
    const settle = waiting.get(answer.id);
    // Too late: nobody waits for it any more.
    if (settle) settle(socket as Socket | undefined, answer.error);
    else (socket as Socket | undefined)?.destroy();
  });
  const end = (): void => {
    for (const settle of waiting.values()) settle(undefined, "the way into the workspace ended");
  };
  // Of a message that could not be sent, whoever sent it is told.
  child.on("error", () => undefined);
  child.once("close", end);
  return waiting;
}

function unreachable(why: string): CloisterError {
  return new CloisterError("UNAVAILABLE", "nothing answers in the workspace", {
    why,
    next: "look whether what is to listen there still runs",
  });
}
