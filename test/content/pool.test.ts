import { setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openPool } from "../../src/content/pool.ts";
import { KeyList } from "../../src/content/push/pack-list.ts";
import { never } from "./files.ts";

describe("a thread that ended", () => {
  it("fails the job that it had, and every later one, instead of never answering", async () => {
    // No worker can be made of this.
    const pool = await openPool({ crew: "push", setup: {}, threads: 1, itemsAhead: 1, signal: never });
    const ended = { code: "FAILURE", message: "a worker thread ended unexpectedly" };
    await expect(pool.run(0, { kind: "bytes", bytes: new Uint8Array(1) })).rejects.toMatchObject(ended);
    // The error comes first, and the end of the thread a little later.
    await setTimeout(500);
    await expect(pool.run(0, { kind: "bytes", bytes: new Uint8Array(1) })).rejects.toMatchObject(ended);
    await pool.close();
  }, 10_000);
});

describe("push keys", () => {
  it("have one number each, however many a hostile tree names", () => {
    const keys = new KeyList(Buffer.alloc(32));
    const key = (i: number) => {
      const bytes = Buffer.alloc(32, 1);
      bytes.writeUInt32BE(i);
      return bytes;
    };
    const count = 60_000;
    const begun = performance.now();
    for (let i = 0; i < count; i++) expect(keys.number(key(i))).toBe(i + 1);
    expect([keys.number(Buffer.alloc(32)), keys.number(key(7)), keys.key(8).equals(key(7))]).toEqual([0, 8, true]);
    // Each against each takes minutes.
    expect(performance.now() - begun).toBeLessThan(10_000);
  }, 60_000);
});
