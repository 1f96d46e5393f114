// Small pieces of the sentences that people read.

/** `a steward`, `an owner`. */
export function withArticle(noun: string): string {
  return `${/^[aeiou]/.test(noun) ? "an" : "a"} ${noun}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[], last = "and"): string {
  const unique = [...new Set(items)];
  if (unique.length < 2) return unique.join("");
  return `${unique.slice(0, -1).join(", ")} ${last} ${unique.at(-1) ?? ""}`;
}

/** `1 role`, `3 roles`. */
export function counted(count: number, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? "" : "s"}`;
}
