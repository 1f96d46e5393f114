// Says on standard error how far long work has come: one line that is drawn over itself on a terminal and leaves no trace, or a
// line now and then for whoever reads it later.
import { printable } from "../base/terminal.ts";
import type { Progress } from "../index.ts";
import type { Io } from "./io.ts";
import { progressText } from "./progress-text.ts";
import { wrap } from "./wrap.ts";

/** `line`: on a terminal; `lines`: where output is kept, as by a CI system. */
export type ProgressMode = "line" | "lines" | "off";

/** Before the first is shown, and between two. */
const PERIODS_MS = { line: { first: 1000, next: 200 }, lines: { first: 30_000, next: 30_000 } } as const;
const TICK_MS = 200;
/** The rate is that of so long: packs go out in bursts. */
const WINDOW_MS = 8000;
const CLEAR = "\r\u001b[K";

type Terminal = Pick<Io, "err" | "errIsTty" | "errColor" | "columns">;

export class ProgressLine {
  readonly #io: Terminal;
  readonly #now: () => number;
  #mode: ProgressMode;
  #timer: NodeJS.Timeout | undefined;
  #last: Progress | undefined;
  /** Whether work goes on: what ended, or waits for a person, is not drawn again. */
  #active = false;
  #shownAt: number | undefined;
  #drawn = "";
  /** Times, and the bytes there were, oldest first. */
  #samples: { readonly at: number; readonly bytes: number }[] = [];
  #movedAt = 0;

  constructor(io: Terminal, now: () => number, mode: ProgressMode) {
    this.#io = io;
    this.#now = now;
    this.#mode = mode;
  }

  /** How far it had come when something was last heard of it. */
  get last(): Progress | undefined {
    return this.#last;
  }

  update(progress: Progress): void {
    const now = this.#now();
    this.#sample(progress, now);
    this.#last = progress;
    if (this.#mode === "off") return;
    this.#active = true;
    this.#shownAt ??= now - PERIODS_MS[this.#mode].next + PERIODS_MS[this.#mode].first;
    // Also when nothing is heard for a while: that it stands still is to be seen.
    this.#timer ??= setInterval(() => this.#show(), TICK_MS).unref();
    this.#show();
  }

  clear(): void {
    if (this.#drawn !== "") this.#io.err(CLEAR);
    this.#drawn = "";
    this.#active = false;
  }

  /** For good: somebody else has the terminal's last line, or nothing more is to be shown. */
  stop(): void {
    clearInterval(this.#timer);
    this.#mode = "off";
    this.#active = false;
    this.#drawn = "";
  }

  /** Prints a line for a person; the progress comes back below it. */
  note(text: string, look: "plain" | "dim" = "plain"): void {
    const active = this.#active;
    this.clear();
    this.#active = active;
    const columns = this.#io.errIsTty ? this.#io.columns : Number.POSITIVE_INFINITY;
    const shown = wrap(`cloister: ${printable(text)}`, columns - 2).join("\n  ");
    this.#io.err(look === "dim" && this.#io.errColor ? `\u001b[2m${shown}\u001b[22m\n` : `${shown}\n`);
  }

  #show(): void {
    const now = this.#now();
    if (!this.#active || !this.#last || this.#mode === "off") return;
    if (now - (this.#shownAt ?? now) < PERIODS_MS[this.#mode].next) return;
    this.#shownAt = now;
    const pace = { rate: this.#rate(now), stillMs: now - this.#movedAt };
    if (this.#mode === "lines") {
      this.#io.err(`cloister: ${progressText(this.#last, pace, Number.POSITIVE_INFINITY)}\n`);
      return;
    }
    // One column stays free: a full line would wrap, and then clearing it leaves the first part.
    const text = progressText(this.#last, pace, this.#io.columns - 1);
    // Drawn over the last one, and then what is left of that is cleared: cleared first, it would flicker.
    if (text !== this.#drawn) this.#io.err(`\r${text}\u001b[K`);
    this.#drawn = text;
  }

  /** While the rest goes to the store, what it has taken is what moves. */
  #sample(progress: Progress, now: number): void {
    const [bytes, was] = [movingOf(progress), this.#last && movingOf(this.#last)];
    const isOther = this.#last?.step !== progress.step || counterOf(this.#last) !== counterOf(progress);
    if (isOther) this.#samples = [];
    if (isOther || bytes !== was) this.#movedAt = now;
    const newest = this.#samples.at(-1);
    if (newest && now - newest.at < TICK_MS) return;
    this.#samples.push({ at: now, bytes });
    while ((this.#samples[1]?.at ?? now) < now - WINDOW_MS) this.#samples.shift();
  }

  #rate(now: number): number {
    const [oldest] = this.#samples;
    if (!oldest || !this.#last || now <= oldest.at) return 0;
    return ((movingOf(this.#last) - oldest.bytes) * 1000) / (now - oldest.at);
  }
}

function counterOf({ phase, bytesStored }: Progress): "bytes" | "bytesStored" {
  return phase === "uploading" && bytesStored !== undefined ? "bytesStored" : "bytes";
}

function movingOf(progress: Progress): number {
  return progress[counterOf(progress)] ?? 0;
}
