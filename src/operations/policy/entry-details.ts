// The sealed parts of log entries, for somebody who may read them.
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError } from "../../base/errors.ts";
import { mayI, perform } from "../guard.ts";
import { auditSecrets, unseal } from "../sealed-part.ts";
import type { Session } from "../session.ts";
import type { Details } from "./recorded.ts";

/** The details of those entries that this device can open; none where its member may not read the log, or is none. */
export async function readDetails(
  session: Session,
  events: readonly LoggedEvent[],
): Promise<ReadonlyMap<LoggedEvent, Details>> {
  const details = new Map<LoggedEvent, Details>();
  if (events.length === 0 || !(await mayRead(session))) return details;
  const ask = { title: "read the audit log", action: "audit.read" as const, sealed: {} };
  await perform(session, ask, async () => ({ result: undefined }));
  const secrets = await auditSecrets(session);
  for (const logged of events) {
    // Without a sealed part there was nothing to say.
    const opened = logged.event.sealed === undefined ? {} : await unseal(logged.event.sealed, secrets);
    if (opened) details.set(logged, opened);
  }
  return details;
}

async function mayRead(session: Session): Promise<boolean> {
  return mayI(session, { action: "audit.read" }).catch((error: unknown) => {
    if (error instanceof CloisterError && error.code === "NOT_AUTHENTICATED") return false;
    throw error;
  });
}
