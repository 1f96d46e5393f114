// The packs and push keys that rows of the shared chunks name by number.
import type { PackRef } from "../pack.ts";

export class PackList {
  readonly #refs: PackRef[] = [];
  readonly #numbers = new Map<string, number>();

  /** The number of a pack; the same for the same id. */
  number(pack: PackRef): number {
    const known = this.#numbers.get(pack.id);
    if (known !== undefined) return known;
    const fresh = this.#refs.push({ id: pack.id, bytes: pack.bytes }) - 1;
    this.#numbers.set(pack.id, fresh);
    return fresh;
  }

  /** Says how large a pack became that was begun. */
  resize(number: number, bytes: number): void {
    const ref = this.#refs[number];
    if (ref) this.#refs[number] = { id: ref.id, bytes };
  }

  /** @throws TypeError for a number that was never given */
  ref(number: number): PackRef {
    const ref = this.#refs[number];
    if (!ref) throw new TypeError("no such pack");
    return ref;
  }
}

/** Number 0 is the push key of this push. */
export class KeyList {
  readonly #keys: Buffer[] = [];
  /** A tree that somebody else wrote may name a million of them. */
  readonly #numbers = new Map<string, number>();

  constructor(own: Buffer) {
    this.number(own);
  }

  /** The number of a push key; the same for the same bytes. */
  number(key: Buffer): number {
    const hex = key.toString("hex");
    const known = this.#numbers.get(hex);
    if (known !== undefined) return known;
    const fresh = this.#keys.push(key) - 1;
    this.#numbers.set(hex, fresh);
    return fresh;
  }

  /** @throws TypeError for a number that was never given */
  key(number: number): Buffer {
    const key = this.#keys[number];
    if (!key) throw new TypeError("no such push key");
    return key;
  }
}
