// The label of what is pushed without a recorded run: its signer may have made it of anything that they took out of the
// project lately, so it has at least the highest class of that.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Ledger } from "../ledger.ts";
import { labelOf, rank } from "./label.ts";

/** A push, and how far back it is looked at what its signer took out. */
export interface FloorAsked {
  /** Member who pushes, with whichever of their keys. */
  readonly member: string;
  /** Entries of the log before this one count. */
  readonly before: number;
  /** Time of the push, ms since 1970. */
  readonly timeMs: number;
  /** `always.label-floor` of the policy that decides. */
  readonly floorMs: number;
  /** Of that policy, lowest first. */
  readonly classifications: readonly string[];
}

export interface Floor {
  readonly class: string;
  /** Entry of the log that it comes from. */
  readonly entry: number;
}

/** Where it comes from, as a refusal says it: `the class of what its signer took out (log #12)`. */
export function floorText({ entry }: Floor): string {
  return `what its signer took out of the project lately (log #${String(entry)})`;
}

/** Undefined where nothing was taken out in that time. */
export function floorOf(ledger: Ledger, asked: FloorAsked): Floor | undefined {
  const { member, before, timeMs, floorMs, classifications } = asked;
  let highest: Floor | undefined;
  for (const action of ["artifact.pull", "artifact.export", "share.create", "workspace.run"]) {
    const entries = ledger.index.of(action);
    // The log's times ascend.
    for (let at = entries.length - 1; at >= 0; at--) {
      const logged = entries[at] as LoggedEvent;
      if (logged.entry >= before) continue;
      if (logged.timeMs <= timeMs - floorMs) break;
      if (logged.member !== member || logged.event.phase !== "intent" || isUndone(ledger, logged, before)) continue;
      for (const klass of classesOf(ledger, logged, classifications)) {
        if (rank(classifications, klass) > rank(classifications, highest?.class)) {
          highest = { class: klass, entry: logged.entry };
        }
      }
    }
  }
  return highest;
}

/** Given up with nothing done. */
function isUndone(ledger: Ledger, { event, keyId }: LoggedEvent, before: number): boolean {
  const failed = ledger.operation(keyId, event.operation)?.failed;
  return failed !== undefined && failed.entry < before;
}

/** Classes of what was taken out: what the entry says, and what the log knows better. */
function classesOf(ledger: Ledger, logged: LoggedEvent, classifications: readonly string[]): readonly string[] {
  const { event, keyId, entry } = logged;
  const { workspace, versionId, facts } = event;
  // What crosses into another domain stays in the project; only an export says that it does.
  if (event.action === "artifact.export" && typeof facts?.["toDomain"] === "string") return [];
  const said = event.class === undefined ? [] : [event.class];
  if (event.action === "workspace.run") {
    if (workspace === undefined || (facts?.["copied"] !== "out" && facts?.["output"] !== "released")) return [];
    const label = labelOf(ledger, { workspace, keyId }, classifications, entry);
    return label ? [...said, label.class] : said;
  }
  const version = versionId === undefined ? undefined : ledger.versionById(versionId);
  return version?.done.event.class === undefined ? said : [...said, version.done.event.class];
}
