// A driver as the contract takes it: how to make one, and whether it works where the tests run.
import type { Clocks } from "../../../src/sandbox/expiry.ts";
import type { Driver, Sandbox } from "../../../src/sandbox/sandbox.ts";

export interface Subject {
  readonly driver: Driver;
  /** Image of its workspaces, where it takes one. */
  readonly image?: string | undefined;
  readonly works: boolean;
  /** Why it does not. */
  readonly why: string;
  /** While a command is set up: the moments, in milliseconds, at which it is worth to be asked to end. */
  readonly setUpMs: readonly number[];
  make(clocks?: Clocks): Sandbox;
}

/** For titles: the driver, and why its tests are skipped. */
export function titleOf({ driver, works, why }: Subject): string {
  return works ? driver : `${driver} (skipped: ${why})`;
}
