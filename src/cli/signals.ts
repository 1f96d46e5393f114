// Ctrl-C, termination and a terminal that is gone: the first signal lets work clean up, the second ends the process at once.
import { setMaxListeners } from "node:events";
import type { Io } from "./io.ts";

export type Caught = "SIGINT" | "SIGTERM" | "SIGHUP";

export interface Interruption {
  /** Aborts at the first of {@link Caught}. */
  readonly signal: AbortSignal;
  /** The signal that came. */
  caught(): Caught | undefined;
  /** While `work` runs, SIGINT is the business of the child that shares the terminal. */
  leaveToChild<T>(work: () => Promise<T>): Promise<T>;
}

/** 128 + the signal's number, as shells report it. */
export function signalExit(name: Caught): number {
  return { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 }[name];
}

/** Listens to the signals of a process until released. */
export function listenToSignals(
  host: Pick<NodeJS.Process, "on" | "off" | "exit">,
  io: Pick<Io, "err">,
): Interruption & { release(): void } {
  const controller = new AbortController();
  // Every read and write in flight listens; Node would warn of a leak at the eleventh.
  setMaxListeners(0, controller.signal);
  let caught: Caught | undefined;
  let childHasTerminal = false;
  const onSignal = (name: Caught): void => {
    if (name === "SIGINT" && childHasTerminal) return;
    if (caught) host.exit(signalExit(name));
    caught = name;
    io.err("\ncloister: stopping and cleaning up (once more to stop at once)\n");
    controller.abort();
  };
  const onInterrupt = (): void => onSignal("SIGINT");
  const onTerminate = (): void => onSignal("SIGTERM");
  const onHangUp = (): void => onSignal("SIGHUP");
  host.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate).on("SIGHUP", onHangUp);
  return {
    signal: controller.signal,
    caught: () => caught,
    leaveToChild: async (work) => {
      childHasTerminal = true;
      try {
        return await work();
      } finally {
        childHasTerminal = false;
      }
    },
    release: () => void host.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate).off("SIGHUP", onHangUp),
  };
}
