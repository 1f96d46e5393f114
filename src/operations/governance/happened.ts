// Operations about a version that came to their end, as the log has them. Whether they were allowed, judge.ts says.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { RoleAction } from "../../policy/actions.ts";
import type { Ledger } from "../ledger.ts";

/** An operation with the entry that let it begin and the one by which it took effect. */
export interface Happened {
  readonly intent: LoggedEvent;
  readonly done: LoggedEvent;
}

/** What was done to a version, in the order in which it was done. @param before entries before this one count */
export function happenedTo(
  ledger: Ledger,
  versionId: string,
  action: RoleAction,
  before = Number.POSITIVE_INFINITY,
): readonly Happened[] {
  return ledger.index.about(versionId).flatMap((done) => {
    const { event, keyId, entry } = done;
    if (entry >= before || event.phase !== "done" || event.action !== action) return [];
    const intent = ledger.operation(keyId, event.operation)?.intent;
    return intent ? [{ intent, done }] : [];
  });
}
