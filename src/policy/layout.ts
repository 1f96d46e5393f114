// What a policy says, wherever in its file it says it.

/** As text, to be compared: two that differ in layout alone are equal. */
export function saidIn(value: unknown): string | undefined {
  // Lines are there for messages: `line`, and where a part has more than one, such as `labelFloorLine`.
  return JSON.stringify(value, (key, each: unknown) => (/(^l|L)ine$/.test(key) ? undefined : each));
}
