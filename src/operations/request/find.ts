// From `r-19` or the first digits of a hash to the request it means.
import { CloisterError } from "../../base/errors.ts";
import type { Session } from "../session.ts";
import { type LoggedRequest, requestIn } from "./logged.ts";
import type { Position } from "./standing.ts";

/** Digits by which a hash is told from the others. */
const PREFIX_MIN = 8;

export function requestId({ entry }: Pick<LoggedRequest, "entry">): string {
  return `r-${String(entry)}`;
}

/** Every entry that looks like a request, in the order of the log. */
export function loggedRequests(session: Session): readonly LoggedRequest[] {
  return session.ledger.index.of("request.create").flatMap((logged) => requestIn(logged) ?? []);
}

/** @throws CloisterError USAGE, NOT_FOUND */
export function findRequest(session: Session, id: string): LoggedRequest {
  const text = id.trim().toLowerCase();
  const entry = /^r-(\d{1,15})$/.exec(text)?.[1];
  const isPrefix = /^[0-9a-f]{1,64}$/.test(text) && text.length >= PREFIX_MIN;
  if (entry === undefined && !isPrefix) {
    throw new CloisterError("USAGE", `${JSON.stringify(id.slice(0, 80))} names no request`, {
      why: "a request is r- and a number, or the first 8 digits or more of its SHA-256",
      next: "cloister request list --all",
    });
  }
  const fits = ({ entry: at, hash }: LoggedRequest) =>
    entry === undefined ? hash.startsWith(text) : at === Number(entry);
  const found = loggedRequests(session).filter(fits);
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new CloisterError("NOT_FOUND", found.length === 0 ? `there is no request ${text}` : `${text} names several`, {
    next: "cloister request list --all",
  });
}

/** The end of the log, now. */
export async function positionNow(session: Session): Promise<Position> {
  const { compiled } = await session.policy();
  return { compiled, now: await session.clock(), before: session.ledger.events.length };
}
