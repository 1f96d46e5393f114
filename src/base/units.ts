// Durations and sizes as people write them in flags and policies.
import { CloisterError } from "./errors.ts";

const MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  y: 31_536_000_000,
};
const DURATION = /^([1-9]\d{0,8})([smhdy])$/;

/** `8h`, `30d`, `15m` as milliseconds; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text);
  return match ? Number(match[1]) * (MS[match[2] ?? ""] ?? Number.NaN) : undefined;
}

/** {@link parseDurationMs} for a flag. @throws {@link CloisterError} USAGE naming the flag */
export function durationFlagMs(text: string, flag: string): number {
  const ms = parseDurationMs(text);
  if (ms === undefined)
    throw new CloisterError("USAGE", `${flag} ${text} is no duration`, {
      next: `write it like ${flag} 8h (s, m, h, d)`,
    });
  return ms;
}

/** `7 h 12 min`, `45 s`: the two largest units. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first < 0) return "0 s";
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${String(count)} ${unit}`).join(" ");
}

const BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** `50GB`, `200MB`, `0B` as bytes (decimal units); undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,6})(B|KB|MB|GB|TB)$/.exec(text);
  return match ? Number(match[1]) * (BYTES[match[2] ?? ""] ?? Number.NaN) : undefined;
}

/** `412 MB`, `3.1 KB`, `17 B`: decimal units, at most three figures. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, "");
  return `${text} ${units[unit] ?? ""}`;
}

/** A duration as {@link parseDurationMs} reads it, rounded down to seconds: `90s`, `2h`. */
export function durationFlag(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const [size, unit] = (
    [
      [86_400, "d"],
      [3600, "h"],
      [60, "m"],
    ] as const
  ).find(([size]) => seconds % size === 0) ?? [1, "s"];
  return `${String(seconds / size)}${unit}`;
}

/** A size as {@link parseBytes} reads it: `1500MB`, `4GB`. */
export function bytesFlag(bytes: number): string {
  const [size, unit] = (
    [
      [1e12, "TB"],
      [1e9, "GB"],
      [1e6, "MB"],
      [1e3, "KB"],
    ] as const
  ).find(([size]) => bytes % size === 0) ?? [1, "B"];
  return `${String(bytes / size)}${unit}`;
}
