import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/base/digest.ts";
import { SharedChunks } from "../../../src/content/push/shared-chunks.ts";
import { compile } from "../../fault/child-process.ts";

const place = (plain: number) => ({ key: 1, pack: 2, offset: 3, stored: plain + 28, plain, codec: 1 });
const digest = (n: number) => sha256(String(n));

describe("the chunks of a push", () => {
  it("are given a row once, and found again by digest", () => {
    const chunks = SharedChunks.create(1);
    const rows = Array.from({ length: 20_000 }, (_, i) => chunks.claim(digest(i), i + 1));
    expect(new Set(rows).size).toBe(rows.length);
    expect(Math.min(...rows)).toBeGreaterThanOrEqual(0);
    for (const [i, row] of rows.entries()) {
      expect(chunks.claim(digest(i), i + 1)).toBe(~row);
      expect(chunks.plainBytes(row)).toBe(i + 1);
    }
    expect(Buffer.from(chunks.digest(rows[777] ?? 0))).toEqual(digest(777));
    expect(chunks.claimed).toEqual({ bytes: 2 * 200_010_000, bytesNew: 200_010_000 });
  });

  it("follow one another in rows as they are claimed", () => {
    const chunks = SharedChunks.create(1);
    const rows = Array.from({ length: 1000 }, (_, i) => chunks.claim(digest(i), 1));
    expect(rows).toEqual(rows.map((_, i) => (rows[0] ?? 0) + i));
  });

  it("keep what is said of them", () => {
    const chunks = SharedChunks.create(1);
    const row = chunks.claim(digest(1), 500);
    chunks.sealed(row, 300, 1);
    chunks.placed(row, 4, 5, 6);
    expect(chunks.place(row)).toEqual({ key: 4, pack: 5, offset: 6, stored: 300, plain: 500, codec: 1 });
    expect(chunks.storedBytes(row)).toBe(300);
  });

  it("that are stored already are found, but not where somebody lied about their length", () => {
    const chunks = SharedChunks.create(1);
    const row = chunks.add(digest(1), place(500));
    expect(chunks.place(row)).toEqual(place(500));
    expect(chunks.add(digest(1), place(500))).toBe(row);
    expect(chunks.add(digest(1), place(501))).toBe(-1);
    expect(chunks.claim(digest(1), 500)).toBe(~row);
    const own = chunks.claim(digest(1), 400);
    expect(own).toBeGreaterThan(row);
    expect(chunks.claim(digest(1), 400)).toBe(~own);
  });

  it("are not found any more once they were dropped", () => {
    const chunks = SharedChunks.create(1);
    const row = chunks.add(digest(1), place(500));
    chunks.drop(row);
    expect(chunks.isDropped(row)).toBe(true);
    const own = chunks.claim(digest(1), 500);
    expect(own).toBeGreaterThan(row);
    expect(chunks.isDropped(own)).toBe(false);
    expect(chunks.claim(digest(1), 500)).toBe(~own);
  });

  it("cost no more where all that somebody wrote has one digest", () => {
    const chunks = SharedChunks.create(1);
    for (let i = 0; i < 200_000; i++) chunks.add(digest(1), place(1 + (i % 1000)));
    expect(chunks.nextRow).toBe(1);
  });
});

describe("the chunks of a push, with several threads at once", () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "chunks-"));
    compile(dir, ["content/push/shared-chunks.ts"]);
    writeFileSync(join(dir, "claim.js"), CLAIM);
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  // More than one step of growth of each buffer.
  const COUNT = 120_000;
  const CLAIM = `
    import { createHash } from "node:crypto";
    import { parentPort, workerData } from "node:worker_threads";
    import { SharedChunks } from "./content/push/shared-chunks.js";
    const chunks = SharedChunks.open(workerData.memory);
    const rows = new Int32Array(${String(COUNT)});
    for (let k = 0; k < rows.length; k++) {
      const i = (k + workerData.from) % rows.length;
      const digest = createHash("sha256").update(String(i)).digest();
      rows[i] = chunks.claim(digest, i + 1);
      if (rows[i] >= 0) chunks.sealed(rows[i], i + 29, 0);
    }
    parentPort.postMessage(rows);
  `;

  async function claimed(memory: unknown, from: number): Promise<Int32Array> {
    const worker = new Worker(join(dir, "claim.js"), { workerData: { memory, from } });
    return await new Promise((done, fail) => worker.once("message", done).once("error", fail));
  }

  it("are claimed by one each, up to those that race with a new level of the index", async () => {
    const chunks = SharedChunks.create(1);
    // This thread has looked at the memory before the others make it larger.
    chunks.add(digest(-1), place(1));
    const all = await Promise.all([0, 10, 60_000].map((from) => claimed(chunks.shared(), from)));
    let twice = 0;
    for (let i = 0; i < COUNT; i++) {
      const rows = all.map((one) => one[i] ?? 0);
      const own = rows.filter((row) => row >= 0);
      const used = new Set(rows.map((row) => (row < 0 ? ~row : row)));
      expect(own.length).toBeGreaterThan(0);
      expect(own).toHaveLength(new Set(own).size);
      if (used.size > 1) twice++;
      for (const row of used) {
        expect(chunks.storedBytes(row)).toBe(i + 29);
        expect(Buffer.compare(chunks.digest(row), digest(i))).toBe(0);
      }
    }
    // Never more than happen to be between a look into the old level and an entry into the new one.
    expect(twice).toBeLessThan(COUNT / 10);
  });
});
