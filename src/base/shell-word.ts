// Commands as they can be typed again.

/** A word as it must be typed in a POSIX shell. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command as it can be typed again. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(shellWord).join(" ");
}
