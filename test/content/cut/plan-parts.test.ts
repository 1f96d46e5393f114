import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { PART_BYTES, type Part, planParts, TENSOR_CUT } from "../../../src/content/cut/plan-parts.ts";
import { safetensors } from "./files.ts";

const folder = mkdtempSync(join(tmpdir(), "cloister-parts-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Of a file that begins with `head` and is said to have `bytes` bytes; no more than its head is ever read. */
async function plan(head: Uint8Array, bytes = head.length): Promise<readonly Part[]> {
  const path = join(folder, "file");
  writeFileSync(path, head);
  const file = await open(path);
  try {
    return await planParts(file, bytes);
  } finally {
    await file.close();
  }
}

/** What must hold of every plan. */
function check(parts: readonly Part[], bytes: number): void {
  let at = 0;
  for (const { from, to, cuts } of parts) {
    expect(from).toBe(at);
    expect(to).toBeGreaterThan(from);
    expect(to - from).toBeLessThanOrEqual(PART_BYTES);
    if (cuts) {
      expect(cuts.at(-1)).toBe(to);
      expect([from, ...cuts]).toEqual([...new Set([from, ...cuts])].sort((a, b) => a - b));
    }
    at = to;
  }
  expect(at).toBe(bytes);
}

/** Tensors of the given sizes, one after the other. */
function headerOf(sizes: readonly number[]): Record<string, unknown> {
  let at = 0;
  const tensors = sizes.map((bytes, i) => {
    at += bytes;
    return [`t${String(i)}`, { dtype: "U8", shape: [bytes], data_offsets: [at - bytes, at] }];
  });
  return { __metadata__: { format: "pt" }, ...Object.fromEntries(tensors) };
}

const KIB = 1024;

describe("a safetensors file", () => {
  it("is cut after its header and each tensor, and small tensors are joined", async () => {
    const sizes = [100 * KIB, 20 * KIB, 10 * KIB, 5 * KIB, 1 * KIB, 40 * KIB, 32 * KIB, 3 * KIB];
    const file = safetensors(headerOf(sizes), Buffer.alloc(211 * KIB));
    const parts = await plan(file);
    check(parts, file.length);
    const data = file.length - 211 * KIB;
    const ends = [0, 100, 135, 136, 176, 208, 211];
    expect(parts.map(({ cuts }) => [...(cuts ?? [])])).toEqual([ends.map((kib) => data + kib * KIB)]);
  });

  it("is divided inside large tensors only a multiple of 256 KiB after their start", async () => {
    const sizes = [63 * KIB * KIB, 3 * KIB * KIB + 17, 200 * KIB * KIB + 5, 1000];
    const head = safetensors(headerOf(sizes), Buffer.alloc(0));
    const bytes = head.length + sizes.reduce((sum, size) => sum + size, 0);
    const parts = await plan(head, bytes);
    check(parts, bytes);
    expect(parts.length).toBe(5);
    const starts = sizes.map((_, i) => head.length + sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
    for (const { from } of parts.slice(1)) {
      const start = starts.filter((each) => each <= from).at(-1) ?? 0;
      expect((from - start) % TENSOR_CUT).toBe(0);
    }
  });

  it("may have its tensors in any order, with gaps and overlaps, and bytes behind them", async () => {
    const tensors = { b: [400_000, 500_000], a: [0, 200_000], c: [150_000, 300_000], d: [7, 7] };
    const header = Object.fromEntries(Object.entries(tensors).map(([name, data_offsets]) => [name, { data_offsets }]));
    const file = safetensors(header, Buffer.alloc(600_000));
    const parts = await plan(file);
    check(parts, file.length);
    const data = file.length - 600_000;
    const ends = [0, 150_000, 200_000, 300_000, 400_000, 500_000, 600_000];
    expect([...(parts[0]?.cuts ?? [])]).toEqual(ends.map((end) => data + end));
  });

  it("whatever its tensors are, is covered without gaps, and every large tensor starts a piece", async () => {
    const size = fc.oneof(fc.nat(200), fc.integer({ min: 30_000, max: 40_000 }), fc.nat(90 * KIB * KIB));
    await fc.assert(
      fc.asyncProperty(fc.array(size, { maxLength: 12 }), async (sizes) => {
        const head = safetensors(headerOf(sizes), Buffer.alloc(0));
        const bytes = head.length + sizes.reduce((sum, each) => sum + each, 0);
        const parts = await plan(head, bytes);
        check(parts, bytes);
        const borders = new Set(parts.flatMap(({ from, cuts }) => [from, ...(cuts ?? [])]));
        let at = head.length;
        expect(borders.has(at)).toBe(true);
        for (const each of sizes) {
          if (each >= 32 * KIB) expect(borders.has(at) && borders.has(at + each)).toBe(true);
          at += each;
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("a file that only looks like safetensors", () => {
  const entry = (offsets: unknown) => ({ t: { dtype: "U8", shape: [1], data_offsets: offsets } });
  const length = (bytes: bigint) => {
    const head = Buffer.alloc(100, "{");
    head.writeBigUInt64LE(bytes);
    return head;
  };

  it.each([
    ["no bytes to speak of", Buffer.from("{")],
    ["a length beyond the file", length(93n)],
    ["a length beyond all files", length(2n ** 64n - 1n)],
    ["a length that is negative to some", length(2n ** 63n)],
    ["no object", safetensors("[1,2]", Buffer.alloc(10))],
    ["no JSON", safetensors("{nothing}", Buffer.alloc(10))],
    ["JSON that is nested too deep", safetensors(`{"a":${"[".repeat(200_000)}`, Buffer.alloc(10))],
    ["no UTF-8", safetensors('{"\xff":1}', Buffer.alloc(10)).fill(0xff, 10, 11)],
    ["a tensor that is none", safetensors({ t: null }, Buffer.alloc(10))],
    ["a tensor without offsets", safetensors({ t: {} }, Buffer.alloc(10))],
    ["three offsets", safetensors(entry([0, 1, 2]), Buffer.alloc(10))],
    ["offsets of another type", safetensors(entry(["0", "1"]), Buffer.alloc(10))],
    ["negative offsets", safetensors(entry([-1, 1]), Buffer.alloc(10))],
    ["offsets that are no integers", safetensors(entry([0.5, 1]), Buffer.alloc(10))],
    ["offsets that are not exact", safetensors(entry([0, 2 ** 60]), Buffer.alloc(10))],
    ["offsets in the wrong order", safetensors(entry([5, 1]), Buffer.alloc(10))],
    ["offsets beyond the file", safetensors(entry([0, 11]), Buffer.alloc(10))],
  ])("with %s is cut as any other", async (_what, file) => {
    expect(await plan(file)).toEqual([{ from: 0, to: file.length, cuts: undefined }]);
  });

  it("is not read far: a header of more than 4 MiB is none", async () => {
    const file = safetensors(`{${" ".repeat(4 * KIB * KIB)}}`, Buffer.alloc(10));
    expect(await plan(file)).toEqual([{ from: 0, to: file.length, cuts: undefined }]);
  });

  it("is divided every 64 MiB", async () => {
    const bytes = 3 * PART_BYTES + 1;
    const parts = await plan(Buffer.from("text, as far as one can see"), bytes);
    check(parts, bytes);
    expect(parts.map(({ to }) => to)).toEqual([PART_BYTES, 2 * PART_BYTES, 3 * PART_BYTES, bytes]);
  });
});
