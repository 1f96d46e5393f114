// A store that misbehaves at one chosen operation, so that tests can loop over every operation of a push or pull.
import { CloisterError } from "../../src/base/errors.ts";
import type { Store, StoredObject } from "../../src/store/store.ts";

/**
 * `fail`: throws before doing anything. `ambiguous`: does it, then throws. `crash`: the process "dies" there, so that
 * every later call throws as well. `crash-after`: does it, then dies.
 */
export type Fault = "fail" | "ambiguous" | "crash" | "crash-after";

/** What a dead process does: not a `CloisterError`, so that no code under test may handle it by mistake. */
export class Crash extends Error {
  override readonly name = "Crash";
}

/** All that an async iterable yields; `Array.fromAsync` needs Node 22. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export class FaultyStore implements Store {
  readonly url: string;
  /** Operations begun so far. */
  operations = 0;
  /** Name of every operation and object, in order, e.g. `create packs/…`. */
  readonly calls: string[] = [];
  readonly #inner: Store;
  readonly #at: number;
  readonly #fault: Fault;
  #dead = false;

  /** @param at the operation that goes wrong, from 1; 0 for none, to count how many there are */
  constructor(inner: Store, fault: Fault = "fail", at = 0) {
    this.#inner = inner;
    this.#at = at;
    this.#fault = fault;
    this.url = inner.url;
  }

  get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    return this.#step(`get ${name}`, () => this.#inner.get(name, bytesMax));
  }

  range(name: string, from: number, length: number): Promise<Uint8Array | undefined> {
    return this.#step(`range ${name}`, () => this.#inner.range(name, from, length));
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    yield* await this.#step(`list ${prefix}`, () => collect(this.#inner.list(prefix)));
  }

  create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists"> {
    return this.#step(`create ${name}`, () => this.#inner.create(name, parts));
  }

  delete(name: string): Promise<void> {
    return this.#step(`delete ${name}`, () => this.#inner.delete(name));
  }

  now(): Promise<number> {
    return this.#step("now", () => this.#inner.now());
  }

  async #step<T>(what: string, act: () => Promise<T>): Promise<T> {
    if (this.#dead) throw new Crash(what);
    this.operations++;
    this.calls.push(what);
    if (this.operations !== this.#at) return await act();
    if (this.#fault === "crash" || this.#fault === "crash-after") {
      this.#dead = true;
      if (this.#fault === "crash-after") await act();
      throw new Crash(what);
    }
    if (this.#fault === "ambiguous") await act();
    throw new CloisterError("UNAVAILABLE", "the store does not answer", { why: `injected at ${what}` });
  }
}
