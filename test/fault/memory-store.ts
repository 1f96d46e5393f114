import type { Store, StoredObject } from "../../src/store/store.ts";

/** A store in memory whose objects a test can lay hands on. */
export class MemoryStore implements Store {
  readonly url = "memory";
  readonly objects = new Map<string, Buffer>();

  async get(name: string): Promise<Uint8Array | undefined> {
    return this.objects.get(name);
  }

  async range(name: string, from: number, length: number): Promise<Uint8Array | undefined> {
    const found = this.objects.get(name)?.subarray(from, from + length);
    return found && Buffer.from(found);
  }

  async *list(prefix: string): AsyncIterable<StoredObject> {
    for (const name of [...this.objects.keys()].sort()) {
      if (name.startsWith(prefix)) yield { name, bytes: this.objects.get(name)?.length ?? 0 };
    }
  }

  async create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists"> {
    if (this.objects.has(name)) return "exists";
    this.objects.set(name, Buffer.concat(parts));
    return "created";
  }

  async delete(name: string): Promise<void> {
    this.objects.delete(name);
  }

  async now(): Promise<number> {
    return Date.now();
  }
}
