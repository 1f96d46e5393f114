// A store in memory that shows some objects otherwise than they are, and forgets what is written: one read after the other can
// be tried on the same project.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { integrity } from "../../../src/base/errors.ts";
import type { Store, StoredObject } from "../../../src/store/store.ts";
import { objectsBelow } from "../invariants.ts";

export type Objects = ReadonlyMap<string, Buffer>;

export function snapshotOf(store: string): Objects {
  return new Map(objectsBelow(store, "").map((name) => [name, readFileSync(join(store, name))]));
}

export class TamperedStore implements Store {
  readonly url = "memory";
  readonly #objects: Map<string, Buffer>;

  /** @param changed what somebody who can write to the store did to it; undefined for what they removed */
  constructor(objects: Objects, changed: ReadonlyMap<string, Buffer | undefined>) {
    this.#objects = new Map(objects);
    for (const [name, bytes] of changed) {
      if (bytes) this.#objects.set(name, bytes);
      else this.#objects.delete(name);
    }
  }

  async get(name: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const found = this.#objects.get(name);
    if (found && found.length > bytesMax) throw integrity(`the object ${name} is too large`);
    return found && Buffer.from(found);
  }

  async range(name: string, from: number, length: number): Promise<Uint8Array | undefined> {
    const found = this.#objects.get(name)?.subarray(from, from + length);
    return found && Buffer.from(found);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    for (const name of [...this.#objects.keys()].sort()) {
      if (name.startsWith(prefix)) yield { name, bytes: this.#objects.get(name)?.length ?? 0 };
    }
  }

  async create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists"> {
    if (this.#objects.has(name)) return "exists";
    this.#objects.set(name, Buffer.concat(parts));
    return "created";
  }

  async delete(name: string): Promise<void> {
    this.#objects.delete(name);
  }

  async now(): Promise<number> {
    return Date.now();
  }
}
