// What a member used of their quotas, by the log's times. What is under way counts as if it were done.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { RoleAction } from "../../policy/actions.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Session } from "../session.ts";
import type { Act } from "./facts.ts";

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** Only where some role has a quota, and only for what it limits. */
export function quotasOf(act: Act): GovernanceFacts {
  const { policy, action, said } = act;
  const limits = policy.roles.map(({ quota }) => quota);
  if (action === "artifact.pull" && limits.some(({ pullBytesPerDay }) => pullBytesPerDay !== undefined)) {
    const taken = begunIn(act, ["artifact.pull", "workspace.run"], DAY_MS).filter(({ event }) => takesOut(event));
    const pulled = taken.map((intent) => bytesOf(act.session, intent));
    return { pulledBytes: pulled.reduce((sum, bytes) => sum + bytes, said.pulledBytes ?? 0) };
  }
  const exports = action === "artifact.export" || action === "share.create";
  if (!exports || limits.every(({ exportsPerWeek }) => exportsPerWeek === undefined)) return {};
  return { exports: begunIn(act, ["artifact.export", "share.create"], WEEK_MS).length };
}

/** What the member began in the time before the act and did not give up with nothing done. */
function begunIn({ session, member, before, now, intent }: Act, actions: readonly RoleAction[], windowMs: number) {
  const { ledger } = session;
  return actions.flatMap((action) => {
    const found: LoggedEvent[] = [];
    const entries = ledger.index.of(action);
    // The log's times ascend: from its end back to where the time begins.
    for (let at = entries.length - 1; at >= 0; at--) {
      const logged = entries[at] as LoggedEvent;
      if (logged.entry >= before || logged.entry === intent?.entry) continue;
      if (logged.timeMs <= now - windowMs) break;
      const { event, keyId } = logged;
      if (event.phase !== "intent" || logged.member !== member.id) continue;
      const ended = ledger.operation(keyId, event.operation);
      if (!ended?.failed || ended.failed.entry >= before) found.push(logged);
    }
    return found;
  });
}

/** A pull, or a copy out of a workspace, whose size is known at its end. */
function takesOut({ action, facts }: LoggedEvent["event"]): boolean {
  return action === "artifact.pull" || facts?.["copied"] === "out";
}

/** Of a pull that ended whole, what it said then; of any other, what it was to be. */
function bytesOf({ ledger }: Session, { event, keyId }: LoggedEvent): number {
  const done = ledger.operation(keyId, event.operation)?.done?.event.facts?.["bytes"];
  const bytes = typeof done === "number" ? done : event.facts?.["bytes"];
  return typeof bytes === "number" && bytes > 0 ? bytes : 0;
}
