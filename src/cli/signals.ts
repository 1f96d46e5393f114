// Ctrl-C and termination: the first signal lets work clean up, the second ends the process at once.
import { setMaxListeners } from "node:events";
import type { Io } from "./io.ts";

export interface Interruption {
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly signal: AbortSignal;
  /** The signal that came. */
  caught(): "SIGINT" | "SIGTERM" | undefined;
  /** While `work` runs, SIGINT is the business of the child that shares the terminal. */
  leaveToChild<T>(work: () => Promise<T>): Promise<T>;
}

/** 128 + the signal's number, as shells report it. */
export function signalExit(name: "SIGINT" | "SIGTERM"): number {
  return name === "SIGINT" ? 130 : 143;
}

/** Listens to the signals of a process until released. */
export function listenToSignals(
  host: Pick<NodeJS.Process, "on" | "off" | "exit">,
  io: Pick<Io, "err">,
): Interruption & { release(): void } {
  const controller = new AbortController();
  // Every read and write in flight listens; Node would warn of a leak at the eleventh.
  setMaxListeners(0, controller.signal);
  let caught: "SIGINT" | "SIGTERM" | undefined;
  let childHasTerminal = false;
  const onSignal = (name: "SIGINT" | "SIGTERM"): void => {
    if (name === "SIGINT" && childHasTerminal) return;
    if (caught) host.exit(signalExit(name));
    caught = name;
    io.err("\ncloister: stopping and cleaning up (once more to stop at once)\n");
    controller.abort();
  };
  const onInterrupt = (): void => onSignal("SIGINT");
  const onTerminate = (): void => onSignal("SIGTERM");
  host.on("SIGINT", onInterrupt).on("SIGTERM", onTerminate);
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
    release: () => void host.off("SIGINT", onInterrupt).off("SIGTERM", onTerminate),
  };
}
