// A store that misbehaves at one chosen operation, so that tests can loop over every operation of a push or pull.
import { CloisterError } from "../../src/base/errors.ts";
import type { ObjectDraft, Store, StoredObject } from "../../src/store/store.ts";

/**
 * `fail`: throws before doing anything. `ambiguous`: does it, then throws. `exists`: does it, then says that the name was
 * taken, as a server does that is asked again after a lost answer. `crash`: the process "dies" there, so that every later
 * call throws as well. `crash-after`: does it, then dies. `late`: throws, and does it once the caller has asked for
 * something else, or again. `outage`: throws from there on for ever; the operation itself is done when {@link
 * FaultyStore.land} is called, which may be long after the caller gave up.
 */
export type Fault = "fail" | "ambiguous" | "exists" | "crash" | "crash-after" | "late" | "outage";

/** Each of them once for every operation that writes; reads can only fail, or die. */
export const FAULTS: readonly Fault[] = ["fail", "ambiguous", "exists", "crash", "crash-after", "late", "outage"];

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
  /** Absent where the store behind it has none, as there. */
  readonly begin?: () => Promise<ObjectDraft>;
  readonly #inner: Store;
  readonly #at: number;
  readonly #fault: Fault;
  #dead = false;
  #out = false;
  #pending: (() => Promise<unknown>) | undefined;

  /** Told before each operation which one it is. */
  readonly #before: (operation: number) => Promise<void>;

  /** @param at the operation that goes wrong, from 1; 0 for none, to count how many there are */
  constructor(inner: Store, fault: Fault = "fail", at = 0, before = async (_: number): Promise<void> => {}) {
    this.#inner = inner;
    this.#at = at;
    this.#fault = fault;
    this.#before = before;
    this.url = inner.url;
    if (inner.begin) this.begin = () => this.#begin();
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
    // What is sent is on its way: a caller who gave up may use the memory for something else.
    const sent = this.#mayLand ? parts.map((part) => Buffer.from(part)) : parts;
    return this.#write(`create ${name}`, () => this.#inner.create(name, sent));
  }

  delete(name: string): Promise<void> {
    return this.#step(`delete ${name}`, () => this.#inner.delete(name));
  }

  now(): Promise<number> {
    return this.#step("now", () => this.#inner.now());
  }

  /** The write that was under way arrives, whatever became of who sent it. */
  async land(): Promise<void> {
    const pending = this.#pending;
    this.#pending = undefined;
    await pending?.();
  }

  async #begin(): Promise<ObjectDraft> {
    const draft = await this.#step("begin", async () => (await this.#inner.begin?.()) as ObjectDraft);
    return {
      append: (bytes) => this.#step("append", () => draft.append(bytes)),
      finish: (name) => this.#write(`finish ${name}`, () => draft.finish(name)),
      // Never throws, by its promise; a process that is dead does nothing, one that was cut off still tidies up.
      discard: async () => {
        if (!this.#dead && this.#pending === undefined) await draft.discard();
      },
    };
  }

  get #mayLand(): boolean {
    return this.operations + 1 === this.#at && (this.#fault === "late" || this.#fault === "outage");
  }

  async #write(what: string, act: () => Promise<"created" | "exists">): Promise<"created" | "exists"> {
    // A draft knows its own file again; only names that are sent whole can be found taken by themselves.
    const answers = this.operations + 1 === this.#at && this.#fault === "exists" && what.startsWith("create");
    const outcome = await this.#step(what, act, true);
    return answers ? "exists" : outcome;
  }

  async #step<T>(what: string, act: () => Promise<T>, writes = what.startsWith("delete")): Promise<T> {
    if (this.#dead) throw new Crash(what);
    if (this.#out) throw unavailable(what);
    const operation = ++this.operations;
    this.calls.push(what);
    await this.#before(operation);
    if (operation === this.#at) return await this.#harm(what, act, writes);
    const done = await act();
    if (this.#fault === "late") await this.land();
    return done;
  }

  async #harm<T>(what: string, act: () => Promise<T>, writes: boolean): Promise<T> {
    switch (this.#fault) {
      case "exists":
        return await act();
      case "crash":
        this.#dead = true;
        throw new Crash(what);
      case "crash-after":
        this.#dead = true;
        await act();
        throw new Crash(what);
      case "ambiguous":
        await act();
        break;
      case "late":
      case "outage":
        if (writes) this.#pending = act;
        this.#out = this.#fault === "outage";
        break;
      case "fail":
    }
    throw unavailable(what);
  }
}

function unavailable(what: string): CloisterError {
  return new CloisterError("UNAVAILABLE", "the store does not answer", { why: `injected at ${what}` });
}
