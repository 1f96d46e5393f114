// A stream on its way into chunks: 4 MiB of memory that it is read into and cut in, without being copied in between.
import { CUT_MAX, type Gear, openGear } from "../gear.ts";
import { TENSOR_CUT } from "./plan-parts.ts";

/** Where the next chunk ends. */
export interface Cutting {
  /** Bytes behind its start that have to be known for that, unless the stream ends. */
  readonly ahead: number;
  /** @param end where what is known ends; at least `ahead` after `start`, or the end of the stream */
  next(start: number, end: number): number;
}

export class Slab {
  readonly #gear: Gear = openGear();
  readonly #beforeMove: () => void;
  #start = 0;
  #end = 0;

  /** Where the content says so. */
  readonly byContent: Cutting = { ahead: CUT_MAX, next: this.#gear.cut };

  /** @param beforeMove called before chunks that were cut are overwritten */
  constructor(beforeMove: () => void) {
    this.#beforeMove = beforeMove;
  }

  /** Drops what is left of an interrupted stream. */
  clear(): void {
    this.#start = 0;
    this.#end = 0;
  }

  /** Bytes that are known and not cut yet. */
  get uncut(): number {
    return this.#end - this.#start;
  }

  /** Memory for the next bytes of the stream; `taken` says that they are there. */
  room(bytes: number): Buffer {
    const { slab } = this.#gear;
    if (slab.length - this.#end < bytes) {
      this.#beforeMove();
      slab.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    if (slab.length - this.#end < bytes) throw new RangeError("more at once than can be cut");
    return slab.subarray(this.#end, this.#end + bytes);
  }

  taken(bytes: number): void {
    this.#end += bytes;
  }

  /** The chunks that are certain by now, or all of them where this is the end of the stream. They stay where they are until `beforeMove`. */
  *cut(cutting: Cutting, last: boolean): Generator<Buffer, void, void> {
    const ahead = last ? 1 : cutting.ahead;
    while (this.#end - this.#start >= ahead) {
      const start = this.#start;
      this.#start = cutting.next(start, this.#end);
      yield this.#gear.slab.subarray(start, this.#start);
    }
  }
}

/**
 * Every 256 KiB from the start of each piece on, whatever is in it.
 *
 * @param from where in the file the stream begins: a piece's start, or a multiple of 256 KiB after one
 * @param cuts ends of the pieces in the file, ascending; the last is the end of the stream
 */
export function byPieces(from: number, cuts: Float64Array): Cutting {
  let at = from;
  let piece = 0;
  return {
    ahead: TENSOR_CUT,
    next: (start) => {
      while ((cuts[piece] ?? Number.POSITIVE_INFINITY) <= at) piece++;
      const bytes = Math.min(TENSOR_CUT, (cuts[piece] ?? Number.POSITIVE_INFINITY) - at);
      at += bytes;
      return start + bytes;
    },
  };
}
