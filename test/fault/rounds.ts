// One operation of a project, done again and again with another of its store operations going wrong each time.
import { join } from "node:path";
import { expect } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import type { Host } from "../../src/operations/host.ts";
import type { Session } from "../../src/operations/session.ts";
import { copyOf, hostIn, sessionOf } from "../operations/project.ts";
import { Crash, type Fault, FaultyStore } from "./faulty-store.ts";

export type Act<T> = (session: Session, host: Host) => Promise<T>;

export interface Round<T> {
  /** The folder that holds the store and the people; a copy for this round. */
  readonly folder: string;
  readonly store: string;
  readonly host: Host;
  /** What the operation gave back; undefined where it failed. */
  readonly result: T | undefined;
  readonly faulty: FaultyStore;
}

/** The calls that an operation makes on a store without faults. */
export async function callsOf(base: string, act: Act<unknown>): Promise<readonly string[]> {
  const host = hostIn(copyOf(base), "ana");
  const counting: FaultyStore[] = [];
  await act(await sessionOf(host, (store) => (counting[0] = new FaultyStore(store))), host);
  return counting[0]?.calls ?? [];
}

/**
 * Does something to a copy of the project while the k-th operation goes wrong. It must succeed, or fail as the interface of
 * the store promises (I8): an unavailable store is what it says, and nothing else.
 */
export async function roundAt<T extends {}>(base: string, fault: Fault, k: number, act: Act<T>): Promise<Round<T>> {
  const folder = copyOf(base);
  const host = hostIn(folder, "ana");
  const stores: FaultyStore[] = [];
  const session = await sessionOf(host, (store) => (stores[0] = new FaultyStore(store, fault, k)));
  const [faulty] = stores as [FaultyStore];
  const result = await act(session, host).catch((error: unknown) => {
    const said = error instanceof CloisterError ? error.code : error instanceof Crash ? "UNAVAILABLE" : String(error);
    expect(said, `${fault} at ${faulty.calls[k - 1] ?? ""}: ${String(error)}`).toBe("UNAVAILABLE");
    return undefined;
  });
  return { folder, store: join(folder, "store"), host, result, faulty };
}

/** The same again, by a new process; what an outage held up arrives at some moment of it, or at its end. */
export async function again<T>({ host, faulty }: Round<unknown>, act: Act<T>, landsAt = 0): Promise<T> {
  const before = async (operation: number) => (operation === landsAt ? await faulty.land() : undefined);
  const result = await act(await sessionOf(host, (store) => new FaultyStore(store, "fail", 0, before)), host);
  await faulty.land();
  return result;
}
