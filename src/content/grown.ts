/** What `old` held, at the start of a larger buffer or typed array. */
export function grown<T extends { set(old: T): void }>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}
