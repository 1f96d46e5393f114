// The Merkle tree of RFC 6962, kept as a compact range: one hash per set bit of the size, largest subtree first.
import { sha256 } from "../base/digest.ts";

const LEAF = Buffer.from([0]);
const NODE = Buffer.from([1]);

/** RFC 6962, section 2.1: SHA-256(0x00 || entry). */
function leafHash(entry: Uint8Array): Buffer {
  return sha256(LEAF, entry);
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  return sha256(NODE, left, right);
}

/** The right edge of an append-only tree: all that is needed to append and to compute the root. */
export class CompactTree {
  readonly size: number;
  readonly #edge: readonly Buffer[];

  private constructor(size: number, edge: readonly Buffer[]) {
    this.size = size;
    this.#edge = edge;
  }

  static readonly empty = new CompactTree(0, []);

  /** From {@link CompactTree.edge}; undefined where the number of hashes does not fit the size. */
  static from(size: number, edge: readonly string[]): CompactTree | undefined {
    if (edge.length !== bitCount(size) || !edge.every((hash) => /^[0-9a-f]{64}$/.test(hash))) return undefined;
    return new CompactTree(
      size,
      edge.map((hash) => Buffer.from(hash, "hex")),
    );
  }

  /** The hashes of the edge, in hex. */
  get edge(): readonly string[] {
    return this.#edge.map((hash) => hash.toString("hex"));
  }

  /** A new tree with one more entry; this one stays as it is. */
  append(entry: Uint8Array): CompactTree {
    const edge = [...this.#edge];
    let node = leafHash(entry);
    // Every trailing one-bit of the size is a complete subtree that the new leaf closes.
    for (let size = this.size; size % 2 === 1; size = Math.floor(size / 2)) node = nodeHash(edge.pop() as Buffer, node);
    return new CompactTree(this.size + 1, [...edge, node]);
  }

  /** Root hash in hex (of no bytes, for the empty tree). */
  root(): string {
    const last = this.#edge.at(-1);
    if (!last) return sha256().toString("hex");
    return this.#edge
      .slice(0, -1)
      .reduceRight((right, left) => nodeHash(left, right), last)
      .toString("hex");
  }
}

function bitCount(size: number): number {
  let count = 0;
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}
