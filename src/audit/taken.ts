// What counts: events at their place, and the commits they came in.
import type { AuditEvent } from "./event.ts";
import type { CompactTree } from "./merkle.ts";

/** An event that counts, at its place. */
export interface LoggedEvent {
  /** Number of the entry in the log, from 0. */
  readonly entry: number;
  /** The commit it came in. */
  readonly seq: number;
  /** Time of that commit, ms. */
  readonly timeMs: number;
  /** Key that signed it, and the member it belonged to then. */
  readonly keyId: string;
  readonly member: string;
  readonly event: AuditEvent;
}

/** A commit that counts, as much as is needed to go on from it later. */
export interface TakenCommit {
  readonly seq: number;
  /** SHA-256 of the object's bytes. */
  readonly digest: string;
  readonly timeMs: number;
  readonly size: number;
  readonly edge: readonly string[];
  readonly events: readonly LoggedEvent[];
}

/** A commit that counts, its events taken in. */
export interface Checked extends Omit<TakenCommit, "digest"> {
  readonly tree: CompactTree;
  /** Takes its events out again. */
  takeBack(): void;
}
