import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PackLog } from "../../src/operations/artifact/pack-log.ts";

const key = randomBytes(32);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pack-log-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function all(log: PackLog) {
  const records = [];
  for await (const record of log.read()) records.push(record);
  return records;
}

describe("the list of stored packs", () => {
  it("holds packs of content that is compressed to almost nothing, and what comes after them", async () => {
    const path = join(dir, "packs");
    // 64 MiB in chunks of 500 bytes.
    const many = { id: "01".repeat(16), bytes: 2 ** 26, chunks: Buffer.alloc(45 * 134_000, 7) };
    const few = { id: "02".repeat(16), bytes: 4096, chunks: Buffer.alloc(45, 8) };
    const log = new PackLog(path, key);
    await log.add(many);
    await log.add(few);
    await log.close();
    const found = await all(new PackLog(path, key));
    expect(found.map(({ id, bytes, chunks }) => [id, bytes, chunks.length])).toEqual([
      [many.id, many.bytes, many.chunks.length],
      [few.id, few.bytes, few.chunks.length],
    ]);
  });

  it("is not looked for behind a link", async () => {
    const log = new PackLog(join(dir, "real"), key);
    await log.add({ id: "01".repeat(16), bytes: 4096, chunks: Buffer.alloc(45) });
    await log.close();
    symlinkSync(join(dir, "real"), join(dir, "packs"));
    await expect(all(new PackLog(join(dir, "packs"), key))).rejects.toMatchObject({ code: "FAILURE" });
  });
});
