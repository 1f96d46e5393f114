// What garbage collection waits for, in ms of the store's clock, and the questions that these times answer. A small model of
// the whole protocol asks the same functions (test/fault/garbage-model.ts).

const HOUR_MS = 3_600_000;

export interface GarbageTimes {
  /** What nothing refers to is left alone for so long: a push that goes on may come to refer to it. */
  readonly freshMs: number;
  /** G: what is condemned is deleted after so long, if nothing refers to it then. */
  readonly waitMs: number;
  /** Gp: a push relies on having looked for so long, and then looks again. */
  readonly relyMs: number;
}

/**
 * G - Gp is what clocks may differ by, and how long a mark may take to appear: more than any clock of a file server or
 * bucket is off. See docs/garbage.md.
 */
export const GARBAGE_TIMES: GarbageTimes = { freshMs: 24 * HOUR_MS, waitMs: 24 * HOUR_MS, relyMs: 6 * HOUR_MS };

/** Whether a push has to look again before it is logged as done. A clock that went back says nothing: it looks. */
export function mustLookAgain(lookedMs: number, nowMs: number, { relyMs }: GarbageTimes): boolean {
  return nowMs < lookedMs || nowMs - lookedMs > relyMs;
}

/**
 * Whether what was condemned may be deleted.
 * @param sinceMs the later of what the mark says and of when the store says that it came to lie there: its writer may have
 * been stopped between asking for the time and writing it
 * @param beginMs asked for before the collection came to stand in the log
 */
export function isDue(sinceMs: number, beginMs: number, { waitMs }: GarbageTimes): boolean {
  return beginMs - sinceMs >= waitMs;
}

/** Whether something is too young to be condemned. What the store tells no time of is. */
export function isFresh(changedMs: number | undefined, nowMs: number, { freshMs }: GarbageTimes): boolean {
  return changedMs === undefined || nowMs - changedMs < freshMs;
}
