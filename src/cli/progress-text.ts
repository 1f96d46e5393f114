// How far long work has come, in one line that fits a width.
import { printable } from "../base/terminal.ts";
import { formatBytes } from "../base/units.ts";
import type { Progress } from "../index.ts";

/** What is known of the speed. */
export interface Pace {
  /** Bytes a second over the last seconds. */
  readonly rate: number;
  /** Time since the last byte, in ms. */
  readonly stillMs: number;
}

/** Without a byte for so long, that is what there is to say. */
const STILL_MS = 10_000;

const PHASES: Readonly<Record<NonNullable<Progress["phase"]>, string>> = {
  reading: "reading",
  uploading: "uploading",
  waiting: "waiting for the store",
};

/**
 * `reading  12.3 of 40 GB  30%  245 MB/s  1:52 left  3.1 GB new  9.2 GB reused  2.2 GB stored`. What does not fit is left
 * out from the end, but the time that is left stays longer than the rate.
 */
export function progressText(progress: Progress, pace: Pace, columns: number): string {
  const parts = [...headOf(progress), ...speedOf(progress, pace), ...kindsOf(progress)];
  // From what is missed least to what is missed most.
  const dropped = [...parts].sort((a, b) => b.rank - a.rank);
  const kept = new Set(parts);
  const text = () => parts.flatMap((part) => (kept.has(part) ? [part.text] : [])).join("  ");
  for (const part of dropped) {
    if (text().length <= columns || kept.size === 1) break;
    kept.delete(part);
  }
  return text().slice(0, Math.max(0, columns));
}

interface Part {
  readonly text: string;
  /** The higher, the sooner it is left out. */
  readonly rank: number;
}

function headOf({ step, phase, bytes, bytesTotal }: Progress): readonly Part[] {
  const doing = { text: phase === undefined ? printable(step) : PHASES[phase], rank: 1 };
  if (bytesTotal === undefined || bytesTotal <= 0) return [doing, { text: formatBytes(bytes), rank: 0 }];
  const percent = Math.min(100, Math.floor((bytes / bytesTotal) * 100));
  return [doing, { text: ofTotal(bytes, bytesTotal), rank: 2 }, { text: `${String(percent)}%`, rank: 0 }];
}

/** `12.3 of 40 GB`, `512 MB of 40 GB`. */
function ofTotal(bytes: number, bytesTotal: number): string {
  const [done, total] = [formatBytes(bytes), formatBytes(bytesTotal)];
  const [amount = "", unit] = done.split(" ");
  return `${total.endsWith(` ${unit ?? ""}`) ? amount : done} of ${total}`;
}

function speedOf({ phase, bytes, bytesTotal }: Progress, { rate, stillMs }: Pace): readonly Part[] {
  if (stillMs >= STILL_MS) return [{ text: `no byte for ${clock(stillMs)}`, rank: 3 }];
  if (rate < 1) return [];
  const speed = { text: `${formatBytes(rate)}/s`, rank: 4 };
  // While the rest goes out, the rate is that of the store, and how much it will be is not known.
  if (phase === "uploading" || bytesTotal === undefined || bytesTotal <= bytes) return [speed];
  return [speed, { text: `${clock(((bytesTotal - bytes) / rate) * 1000)} left`, rank: 3 }];
}

function kindsOf({ bytes, bytesNew, bytesStored }: Progress): readonly Part[] {
  if (bytesNew === undefined) return [];
  const parts: Part[] = [{ text: `${formatBytes(bytesNew)} new`, rank: 5 }];
  if (bytes > bytesNew) parts.push({ text: `${formatBytes(bytes - bytesNew)} reused`, rank: 6 });
  if (bytesStored !== undefined) parts.push({ text: `${formatBytes(bytesStored)} stored`, rank: 7 });
  return parts;
}

/** `0:07`, `1:52`, `2:03:04`: always as wide as the next second's, or nearly. */
function clock(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const two = (count: number) => String(count).padStart(2, "0");
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours > 0
    ? `${String(hours)}:${two(minutes)}:${two(seconds % 60)}`
    : `${String(minutes)}:${two(seconds % 60)}`;
}
