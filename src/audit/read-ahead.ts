// Reading on in the log while what was read is being verified: a far bucket takes a round trip for each commit.

/** Objects under way or waiting at once; each may have 8 MiB if somebody means harm. */
const AHEAD_MAX = 16;

/**
 * Reads places of the log ahead of the one that is asked for: the more, the longer the run of commits that counted. So a
 * reader who is up to date asks for one object as ever, and junk is not fetched in bulk. What is read ahead decides
 * nothing: each object is looked at when its turn comes, and a failure is one only then.
 */
export class ReadAhead {
  readonly #read: (seq: number) => Promise<Uint8Array | undefined>;
  readonly #begun = new Map<number, Promise<Uint8Array | undefined>>();
  #run = 0;

  constructor(read: (seq: number) => Promise<Uint8Array | undefined>) {
    this.#read = read;
  }

  /** The object at a place. Places are asked for in ascending order, each once. */
  async take(seq: number): Promise<Uint8Array | undefined> {
    const end = seq + Math.max(1, Math.min(this.#run, AHEAD_MAX));
    for (let at = seq; at < end; at++) if (!this.#begun.has(at)) this.#begin(at);
    const reading = this.#begun.get(seq);
    this.#begun.delete(seq);
    return await reading;
  }

  /** Whether the object that was taken last is a commit that counts. */
  counted(counts: boolean): void {
    this.#run = counts ? this.#run + 1 : 0;
  }

  #begin(seq: number): void {
    const reading = this.#read(seq);
    // It may never be asked for: nobody else would handle its failure.
    reading.catch(() => undefined);
    this.#begun.set(seq, reading);
  }
}
