import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { openGear } from "../../../src/content/gear.ts";

/** The rule of docs/store-format.md, word for word. */
const GEAR = createHash("shake256", { outputLength: 1024 }).update("cloister gear v1").digest();

function plainCut(bytes: Uint8Array, start: number, end: number): number {
  const limit = Math.min(end, start + 131_072);
  let hash = 0;
  for (let i = start + 8192 - 32; i < limit; i++) {
    hash = ((hash << 1) + GEAR.readInt32LE((bytes[i] ?? 0) * 4)) | 0;
    if (i < start + 8192) continue;
    if (hash >>> (i < start + 65_536 ? 32 - 17 : 32 - 14) === 0) return i + 1;
  }
  return limit;
}

const gear = openGear();

function noise(seed: number, bytes: number): Buffer {
  return createHash("shake128", { outputLength: bytes }).update(String(seed)).digest();
}

/** Content of many kinds: noise, short periods (which cut early, or never), runs of one byte, and mixtures. */
const content = fc
  .array(
    fc.record({
      seed: fc.integer(),
      period: fc.constantFrom(1, 2, 3, 8, 31, 32, 33, 1000, 200_000),
      bytes: fc.integer({ min: 1, max: 200_000 }),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) =>
    Buffer.concat(parts.map(({ seed, period, bytes }) => Buffer.alloc(bytes, noise(seed, Math.min(period, bytes))))),
  );

it("cuts any content exactly where the plain rule does, wherever it lies in the slab", () => {
  fc.assert(
    fc.property(content, fc.nat(100_000), (bytes, at) => {
      gear.slab.set(bytes, at);
      const end = at + bytes.length;
      for (let start = at; start < end; ) {
        const found = gear.cut(start, end);
        expect(found).toBe(plainCut(gear.slab, start, end));
        start = found;
      }
    }),
    { numRuns: 60 },
  );
});

it("cuts at any length of the rest, and up to the last byte of the slab", () => {
  const { slab } = gear;
  slab.set(noise(7, slab.length));
  for (const rest of [1, 2, 8191, 8192, 8193, 8199, 8200, 8201, 65_535, 65_536, 65_537, 65_543, 131_071, 131_072]) {
    for (const start of [0, 1, slab.length - rest]) {
      expect(gear.cut(start, start + rest)).toBe(plainCut(slab, start, start + rest));
    }
  }
});

it("finds no cut in what never changes before the longest length, and has chunks of 64 KiB on average", () => {
  gear.slab.fill(0);
  expect(gear.cut(5, gear.slab.length)).toBe(5 + 131_072);
  gear.slab.set(noise(1, gear.slab.length));
  let chunks = 0;
  for (let start = 0; start < gear.slab.length; chunks++) start = gear.cut(start, gear.slab.length);
  expect(gear.slab.length / chunks).toBeGreaterThan(56_000);
  expect(gear.slab.length / chunks).toBeLessThan(76_000);
});
