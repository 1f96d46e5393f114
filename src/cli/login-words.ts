// How a login is told in one line.
import { formatDuration } from "../base/units.ts";
import type { LoginState, LoginSummary } from "../index.ts";
import { minutesUtc } from "./words.ts";

/** For a row of `status` and `whoami`. @param now ms since 1970 */
export function loginText(login: LoginState, now: number): string {
  if (login.state === "none") return "not logged in (cloister login)";
  if (login.state === "expired") return `expired ${ago(login.expiresAt, now)} (cloister login)`;
  const until = login.state === "valid" ? `, valid until ${minutesUtc(login.expiresAt)}` : ", is renewed when needed";
  const factor =
    login.secondFactor && login.authenticatedAt ? `, second factor ${ago(login.authenticatedAt, now)}` : "";
  return `${login.sub}, ${ago(login.loggedInAt, now)}${until}${factor}`;
}

/** How the person proved who they are. */
export function howText({ amr, acr, authenticatedAt }: LoginSummary): string {
  const how = amr.length > 0 ? amr.join(", ") : (acr ?? "");
  return `${how}${authenticatedAt === undefined ? "" : `, at ${minutesUtc(authenticatedAt)}`}`;
}

function ago(time: string, now: number): string {
  const ms = now - Date.parse(time);
  return ms < 1000 ? "just now" : `${formatDuration(ms)} ago`;
}
