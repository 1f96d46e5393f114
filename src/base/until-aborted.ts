// An end for work that does not listen to a signal itself.

/**
 * What `work` gives, or the signal's reason where that comes first. Work under way is left to itself then: it is for what
 * cannot be stopped, such as a program that an AWS profile runs to get credentials.
 */
export async function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    signal.throwIfAborted();
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
