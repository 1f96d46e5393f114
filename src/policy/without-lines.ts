/** Part of a policy as a text to be compared: all that it says, and not the lines where it says it. */
export function withoutLines(value: unknown): string {
  const isLine = (key: string): boolean => key === "line" || key.endsWith("Line");
  return JSON.stringify(value, (key, each: unknown) => (isLine(key) ? undefined : each));
}
