import { constants } from "node:os";

/** Name of the signal that an exit code of a shell speaks of: 128 + its number. Undefined for any other exit code. */
export function signalName(exit: number): string | undefined {
  return Object.entries(constants.signals).find(([, number]) => number === exit - 128)?.[0];
}
