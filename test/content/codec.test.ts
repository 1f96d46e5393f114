import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compress, decompress } from "../../src/content/codec.ts";
import { isFrameOf } from "../../src/content/zstd-frame.ts";

const TEXT = Buffer.from(
  Array.from(
    { length: 9000 },
    (_, i) =>
      `{"row":${String(i)},"word":"${createHash("sha1")
        .update(String(i % 700))
        .digest("hex")
        .slice(0, 9)}"}\n`,
  ).join(""),
);

/** Copies: what the codec returns is valid until the next call only. */
function frameOf(content: Uint8Array): Buffer {
  const frame = compress(content);
  if (!frame) throw new Error("was not compressed");
  return Buffer.from(frame);
}

function opened(frame: Uint8Array, bytes: number): Buffer | undefined {
  const content = decompress(Buffer.from(frame), bytes);
  return content && Buffer.from(content);
}

describe("compressed content", () => {
  it("comes back whatever it is; what does not shrink stays as it is", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 5000 }),
      fc
        .tuple(fc.nat(TEXT.length - 1), fc.integer({ min: 1, max: 262_144 }))
        .map(([from, length]) => TEXT.subarray(from, from + length)),
      fc.tuple(fc.nat(255), fc.integer({ min: 1, max: 262_144 })).map(([byte, length]) => Buffer.alloc(length, byte)),
    );
    fc.assert(
      fc.property(bytes, (content) => {
        const frame = compress(content);
        if (!frame) return;
        expect(frame.length).toBeLessThan(content.length);
        expect(isFrameOf(frame, content.length)).toBe(true);
        expect(opened(frame, content.length)?.equals(content)).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(compress(randomBytes(65_536))).toBeUndefined();
  });

  it("has one segment and a size at every length at which the header has another form", () => {
    for (const length of [200, 255, 256, 257, 65_535, 65_536, 65_791, 65_792, 131_072, 131_073, 262_143, 262_144]) {
      const content = TEXT.subarray(0, length);
      const frame = frameOf(Buffer.concat([content, Buffer.alloc(length - content.length, "x")]));
      expect(isFrameOf(frame, length)).toBe(true);
      expect(opened(frame, length)?.length).toBe(length);
    }
  });

  it("does not need more memory the more is compressed, and is not disturbed by failures in between", () => {
    const frame = frameOf(TEXT.subarray(0, 100_000));
    const broken = Buffer.from(frame).fill(0xff, 20, 60);
    for (let i = 0; i < 500; i++) {
      if (i % 50 === 0) expect(opened(broken, 100_000)).toBeUndefined();
      expect(frameOf(TEXT.subarray(0, 100_000)).equals(frame)).toBe(true);
    }
    expect(opened(frame, 100_000)?.equals(TEXT.subarray(0, 100_000))).toBe(true);
  });
});

it("on a machine that cannot run the library, nothing is compressed, and what was is refused with advice", () => {
  const codec = new URL("../../dist/content/codec.js", import.meta.url).href;
  const frame = frameOf(TEXT.subarray(0, 1000));
  const script = `
    const { compress, decompress } = await import(${JSON.stringify(codec)});
    const frame = Buffer.from(${JSON.stringify(frame.toString("hex"))}, "hex");
    let error;
    try { decompress(frame, 1000); } catch (thrown) { error = thrown; }
    console.log(JSON.stringify({ made: compress(Buffer.alloc(1000)) ?? "nothing", code: error.code, next: error.next }));
  `;
  // Without its compilers, V8 has no WebAssembly.
  const said = execFileSync(process.execPath, ["--jitless", "--input-type=module", "-e", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(JSON.parse(said)).toEqual({
    made: "nothing",
    code: "UNSUPPORTED_HOST",
    next: expect.stringContaining("WebAssembly"),
  });
});

describe("a hostile frame", () => {
  const content = TEXT.subarray(0, 70_000);
  const frame = frameOf(content);
  const changed = (at: number, byte: number) => {
    const copy = Buffer.from(frame);
    copy[at] = byte;
    return copy;
  };
  /** One segment of 70,000 bytes, size in four bytes, and these blocks. */
  const withBlocks = (...blocks: Buffer[]) => {
    const head = Buffer.from("28b52ffda000000000", "hex");
    head.writeUInt32LE(70_000, 5);
    return Buffer.concat([head, ...blocks]);
  };
  const block = (last: boolean, kind: number, size: number, body: Buffer) => {
    const head = Buffer.alloc(3);
    head.writeUIntLE((size << 3) | (kind << 1) | Number(last), 0, 3);
    return Buffer.concat([head, body]);
  };
  const run = (last: boolean, size: number) => block(last, 1, size, Buffer.from("x"));

  it("made of blocks that fit is read: the cases below differ in one thing each", () => {
    expect(opened(withBlocks(run(true, 70_000)), 70_000)?.equals(Buffer.alloc(70_000, "x"))).toBe(true);
    expect(opened(withBlocks(run(false, 69_999), block(true, 0, 1, Buffer.from("y"))), 70_000)?.at(-1)).toBe(0x79);
  });

  it.each([
    ["nothing", Buffer.alloc(0)],
    ["another magic number", changed(0, 0x29)],
    ["a skippable frame", Buffer.from("502a4d1801000000ff", "hex")],
    ["a dictionary", changed(4, (frame[4] ?? 0) | 1)],
    ["a checksum", changed(4, (frame[4] ?? 0) | 4)],
    ["a reserved bit", changed(4, (frame[4] ?? 0) | 8)],
    ["a window of its own", changed(4, (frame[4] ?? 0) & ~0x20)],
    ["another size of the size", changed(4, 0xe0)],
    ["another size", changed(5, (frame[5] ?? 0) ^ 1)],
    ["a byte more", Buffer.concat([frame, Buffer.alloc(1)])],
    ["a byte less", frame.subarray(0, -1)],
    ["a second frame", Buffer.concat([frame, frame])],
    ["no block", withBlocks()],
    ["half a block's header", withBlocks(Buffer.from([1, 0]))],
    ["a block of a kind that does not exist", withBlocks(block(true, 3, 1, Buffer.from("x")))],
    ["no last block", withBlocks(run(false, 70_000))],
    ["a run that is longer than the content", withBlocks(run(true, 70_001))],
    ["a block beyond the frame", withBlocks(block(true, 0, 70_000, Buffer.alloc(10)))],
    ["runs that are longer together", withBlocks(run(false, 70_000), run(true, 1))],
    ["less content than it says", withBlocks(run(true, 69_999))],
    ["a great many runs", withBlocks(...Array.from({ length: 10_000 }, () => run(false, 70_000)), run(true, 1))],
    ["a compressed block of junk", withBlocks(block(true, 2, 1000, randomBytes(1000)))],
  ])("with %s is not read", (_what, bytes) => {
    expect(opened(bytes, 70_000)).toBeUndefined();
  });

  it("that is changed anywhere never gives more or less than the content's length", () => {
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, byte) => {
        const found = opened(changed(at, byte), content.length);
        expect([undefined, content.length]).toContain(found?.length);
      }),
      { numRuns: 500 },
    );
  });

  it("is not read where more content is expected than a chunk has", () => {
    const head = Buffer.from("28b52ffda0", "hex");
    const size = Buffer.alloc(4);
    size.writeUInt32LE(262_145);
    const blocks = [run(false, 131_072), run(false, 131_072), run(true, 1)];
    expect(opened(Buffer.concat([head, size, ...blocks]), 262_145)).toBeUndefined();
  });
});
