// Small phrases that several commands print.
import { formatDuration } from "../base/units.ts";

export { shellLine, shellWord } from "../base/shell-word.ts";

/** `#481`, for a person: `log #481`. */
export function log(entry: number | undefined): string {
  return entry === undefined ? "not logged" : `log #${String(entry)}`;
}

/** `1 file`, `12 files`. */
export function files(count: number): string {
  return count === 1 ? "1 file" : `${String(count)} files`;
}

/** An ISO 8601 time in UTC as people read it, under a heading that says UTC: `2026-03-01 10:20`. */
export function minutes(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

/** {@link minutes} where no heading says it: `2026-03-01 10:20 UTC`. */
export function minutesUtc(time: string): string {
  return `${minutes(time)} UTC`;
}

/** Time that is left, in units begun: a fresh workspace of 8 hours has `8 h`, not `7 h 59 min`, and the last minute counts. */
export function left(ms: number): string {
  const unit = ms < MINUTE_MS ? SECOND_MS : MINUTE_MS;
  return formatDuration(Math.ceil(ms / unit) * unit);
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;

/** `12.3 s` for what is short, `3 min 5 s` for what is not. */
export function took(seconds: number): string {
  return seconds < 60 ? `${seconds.toFixed(1)} s` : formatDuration(seconds * 1000);
}

/** A credential in a shell's prompt: `data-scientist 42m`. */
export function promptText({ role, leftMs }: { readonly role: string; readonly leftMs: number }): string {
  const minutesLeft = Math.floor(leftMs / MINUTE_MS);
  const time = minutesLeft < 60 ? `${String(minutesLeft)}m` : `${String(Math.floor(minutesLeft / 60))}h`;
  return `${role} ${time}`;
}
