// Variables as three shells take them. What a value holds is text to them, whatever it is.

export const SHELLS = ["bash", "fish", "pwsh"] as const;
export type Shell = (typeof SHELLS)[number];

/** Lines that a shell evaluates: `unset` first, so that nothing of what is set is lost. */
export function exportLines(shell: Shell, set: Readonly<Record<string, string>>, unset: readonly string[]): string {
  const { remove, assign, quote } = SYNTAX[shell];
  const lines = [
    ...unset.map((name) => remove(name)),
    ...Object.entries(set).map(([name, value]) => assign(name, quote(value))),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

interface Syntax {
  readonly remove: (name: string) => string;
  readonly assign: (name: string, quoted: string) => string;
  readonly quote: (value: string) => string;
}

const SYNTAX: Readonly<Record<Shell, Syntax>> = {
  // Also for every other POSIX shell (XCU 2.2.2): only the quote itself ends a quotation.
  bash: {
    remove: (name) => `unset ${name}`,
    assign: (name, quoted) => `export ${name}=${quoted}`,
    quote: (value) => `'${value.replaceAll("'", `'\\''`)}'`,
  },
  // In single quotes fish reads \\ and \' (fish documentation, "Quotes").
  fish: {
    remove: (name) => `set -e ${name}`,
    assign: (name, quoted) => `set -gx ${name} ${quoted}`,
    quote: (value) => `'${value.replace(/[\\']/g, "\\$&")}'`,
  },
  // PowerShell takes four typographic quotes for a single quote (about_Quoting_Rules); doubled, each stands for itself.
  pwsh: {
    remove: (name) => `Remove-Item -ErrorAction Ignore Env:${name}`,
    assign: (name, quoted) => `$env:${name} = ${quoted}`,
    quote: (value) => `'${value.replace(/['\u2018-\u201b]/g, "$&$&")}'`,
  },
};
