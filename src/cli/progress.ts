// One line on standard error that says how far long work has come. It shows after a second and leaves no trace.
import { printable } from "../base/terminal.ts";
import { formatBytes, formatDuration } from "../base/units.ts";
import type { Progress } from "../index.ts";
import type { Io } from "./io.ts";
import { wrap } from "./wrap.ts";

const QUIET_MS = 1000;
const REDRAW_MS = 100;
const CLEAR = "\r\u001b[K";

type Terminal = Pick<Io, "err" | "errIsTty" | "errColor" | "columns">;

export class ProgressLine {
  readonly #io: Terminal;
  readonly #now: () => number;
  readonly #enabled: boolean;
  #startedAt: number | undefined;
  #step: { readonly name: string; readonly startedAt: number; readonly bytes: number } | undefined;
  #drawnAt = 0;
  #shown = false;

  constructor(io: Terminal, now: () => number, enabled: boolean) {
    this.#io = io;
    this.#now = now;
    this.#enabled = enabled;
  }

  update(progress: Progress): void {
    if (!this.#enabled) return;
    const now = this.#now();
    this.#startedAt ??= now;
    if (this.#step?.name !== progress.step) {
      this.#step = { name: progress.step, startedAt: now, bytes: progress.bytes };
    }
    if (now - this.#startedAt < QUIET_MS || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    this.#shown = true;
    const text = progressText(progress, progress.bytes - this.#step.bytes, now - this.#step.startedAt);
    // One column stays free: a full line would wrap, and then clearing it leaves the first part.
    this.#io.err(`${CLEAR}${text.slice(0, Math.max(0, this.#io.columns - 1))}`);
  }

  clear(): void {
    if (this.#shown) this.#io.err(CLEAR);
    this.#shown = false;
  }

  /** Prints a line for a person; the progress comes back below it. */
  note(text: string, look: "plain" | "dim" = "plain"): void {
    this.clear();
    const columns = this.#io.errIsTty ? this.#io.columns : Number.POSITIVE_INFINITY;
    const shown = wrap(`cloister: ${printable(text)}`, columns - 2).join("\n  ");
    this.#io.err(look === "dim" && this.#io.errColor ? `\u001b[2m${shown}\u001b[22m\n` : `${shown}\n`);
  }
}

/**
 * `storing  123 MB of 412 MB (29%)  45 MB/s  6 s left  31 MB new`.
 * @param bytesDone bytes since the step began, `elapsedMs` ago: what the rate is made of
 */
export function progressText(progress: Progress, bytesDone: number, elapsedMs: number): string {
  const { step, bytes, bytesTotal, bytesNew } = progress;
  const rate = elapsedMs > 0 ? (bytesDone * 1000) / elapsedMs : 0;
  const parts = [printable(step)];
  if (bytesTotal === undefined || bytesTotal <= 0) parts.push(formatBytes(bytes));
  else {
    const percent = Math.min(100, Math.floor((bytes / bytesTotal) * 100));
    parts.push(`${formatBytes(bytes)} of ${formatBytes(bytesTotal)} (${String(percent)}%)`);
  }
  if (rate >= 1) parts.push(`${formatBytes(rate)}/s`);
  if (rate >= 1 && bytesTotal !== undefined && bytesTotal > bytes) {
    parts.push(`${formatDuration(Math.max(1000, ((bytesTotal - bytes) / rate) * 1000))} left`);
  }
  if (bytesNew !== undefined) parts.push(`${formatBytes(bytesNew)} new`);
  return parts.join("  ");
}
