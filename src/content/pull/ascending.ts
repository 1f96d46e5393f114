/** Index of the last of some ascending numbers that is at most `value`; 0 where none is. */
export function lastUpTo(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = Math.max(0, ascending.length - 1);
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((ascending[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
