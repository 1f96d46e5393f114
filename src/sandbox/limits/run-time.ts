// The time of one command.

/** setTimeout() takes no longer times. */
const WAIT_MS_MAX = 2 ** 31 - 1;

export interface RunTime {
  isOver(): boolean;
  stop(): void;
}

/**
 * Calls back once the time is over.
 *
 * @param ms may be infinite
 */
export function startTime(ms: number, over: () => void): RunTime {
  // Node loads its clock on first use, and most commands have no limit.
  if (ms === Number.POSITIVE_INFINITY) return { isOver: () => false, stop: () => undefined };
  const end = performance.now() + ms;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const wait = () => {
    const left = end - performance.now();
    isOver = left <= 0;
    if (isOver) over();
    else timer = setTimeout(wait, Math.min(Math.ceil(left), WAIT_MS_MAX));
  };
  wait();
  return { isOver: () => isOver, stop: () => clearTimeout(timer) };
}
