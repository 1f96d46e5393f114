// Small phrases that several commands print.

/** `#481`, for a person: `log #481`. */
export function log(entry: number | undefined): string {
  return entry === undefined ? "not logged" : `log #${String(entry)}`;
}

/** `1 file`, `12 files`. */
export function files(count: number): string {
  return count === 1 ? "1 file" : `${String(count)} files`;
}

/** An ISO 8601 time as people read it: `2026-03-01 10:20`. */
export function minutes(time: string): string {
  return time.slice(0, 16).replace("T", " ");
}

/** A word as it must be typed in a POSIX shell. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
