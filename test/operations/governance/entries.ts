// Entries as somebody's own program could sign them, whatever the guard would have said.
import { randomBytes } from "node:crypto";
import type { AuditEvent } from "../../../src/audit/event.ts";
import type { LoggedEvent } from "../../../src/audit/taken.ts";
import type { Session } from "../../../src/operations/session.ts";

/** Logs an entry under the policy in force. */
export async function logEntry(
  session: Session,
  over: Partial<AuditEvent> & Pick<AuditEvent, "action">,
): Promise<LoggedEvent> {
  await session.sync();
  const timeMs = Math.floor(await session.store.now());
  return session.append(await session.identity(), () => ({
    project: session.config.project,
    operation: randomBytes(16).toString("hex"),
    phase: "intent",
    timeMs,
    policy: session.ledger.inForce.version,
    rules: ["role:any"],
    enforcement: "advisory",
    ...over,
  }));
}

/** Logs an operation from beginning to end; `end` is what its last entry says otherwise. */
export async function logOperation(
  session: Session,
  over: Partial<AuditEvent> & Pick<AuditEvent, "action">,
  end: Partial<AuditEvent> = {},
): Promise<{ readonly intent: LoggedEvent; readonly done: LoggedEvent }> {
  const intent = await logEntry(session, over);
  const { operation } = intent.event;
  return { intent, done: await logEntry(session, { ...over, operation, phase: "done", ...end }) };
}
