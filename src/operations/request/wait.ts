// Waiting until others decided: the log is looked at again and again, ever less often.
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError } from "../../base/errors.ts";
import type { Session } from "../session.ts";
import type { RequestDetail } from "../types.ts";
import { wantedText } from "./approvers.ts";
import { showRequest } from "./show.ts";

const PAUSE_MS = 1000;
const PAUSE_MS_MAX = 30_000;
const SLOWER = 1.5;

/**
 * Waits until a request is no longer open.
 * @param timeoutMs how long at most; for ever where it is left out
 * @throws CloisterError APPROVAL_PENDING where the time is over, POLICY_DENIED where it was not approved, INTERRUPTED
 */
export async function waitForRequest(
  session: Session,
  { id, timeoutMs }: { readonly id: string; readonly timeoutMs?: number | undefined },
): Promise<RequestDetail> {
  const { now, signal } = session.host;
  const end = now() + (timeoutMs ?? Number.POSITIVE_INFINITY);
  for (let pause = PAUSE_MS; ; pause = Math.min(pause * SLOWER, PAUSE_MS_MAX)) {
    const request = await showRequest(session, id);
    if (request.state !== "open") return decided(request);
    const left = end - now();
    if (left <= 0) throw stillOpen("APPROVAL_PENDING", request.id, request);
    await sleep(Math.min(pause, left), undefined, { signal }).catch(() => {
      throw stillOpen("INTERRUPTED", `stopped waiting for ${request.id}`, request);
    });
  }
}

/** Approved, or used since. @throws CloisterError POLICY_DENIED */
function decided(request: RequestDetail): RequestDetail {
  const { id, state, ended } = request;
  if (state === "approved" || state === "consumed") return request;
  throw new CloisterError("POLICY_DENIED", `${id} is ${state}`, {
    why: ended ? `${ended.by}, #${String(ended.logEntry)}` : `it ended at ${request.expiresAt}`,
    next: `cloister request show ${id}`,
  });
}

function stillOpen(code: "APPROVAL_PENDING" | "INTERRUPTED", message: string, request: RequestDetail): CloisterError {
  return new CloisterError(code, message, {
    why: `it is open until ${request.expiresAt}; it needs ${wantedText(request.wanted)}`,
    next: `cloister request wait ${request.id}`,
  });
}
