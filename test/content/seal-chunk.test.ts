import { createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CloisterError } from "../../src/base/errors.ts";
import { compress } from "../../src/content/codec.ts";
import {
  CHUNK_MAX,
  CHUNK_OVERHEAD,
  ChunkSealer,
  CODEC_NONE,
  CODEC_ZSTD,
  fitsStored,
} from "../../src/content/seal-chunk.ts";
import { openedChunk } from "./files.ts";

const pushKey = randomBytes(32);
const sealer = new ChunkSealer(pushKey);
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
function seal(content: Uint8Array, codec = CODEC_NONE, inside: Uint8Array = content): Buffer {
  return sealAs(digest(content), codec, content.length, inside);
}

function sealAs(h: Uint8Array, codec: number, plain: number, inside: Uint8Array): Buffer {
  const into = Buffer.alloc(5 + inside.length + CHUNK_OVERHEAD + 5);
  const end = sealer.seal(h, codec, plain, inside, into, 5);
  expect(end).toBe(into.length - 5);
  expect(Buffer.concat([into.subarray(0, 5), into.subarray(end)]).equals(Buffer.alloc(10))).toBe(true);
  return into.subarray(5, end);
}

function outcome(act: () => Buffer): string {
  try {
    return act().toString("latin1");
  } catch (error) {
    return (error as CloisterError).code;
  }
}

const text = Buffer.from("what is written twice is written twice\n".repeat(7000)).subarray(0, CHUNK_MAX);
const frame = Buffer.from(compress(text) ?? []);

describe("a sealed chunk", () => {
  it("is what the format says, at every length around a slice and in either codec", () => {
    for (const length of [1, 1000, 65_535, 65_536, 65_537, 131_072, CHUNK_MAX]) {
      const content = text.subarray(0, length);
      const sealed = seal(content);
      const h = digest(content);
      const key = createHmac("sha256", pushKey).update("cloister chunk v1").update(h).digest();
      const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12));
      const aad = Buffer.from("cloister-chunk@1\0\0\0\0\0");
      aad.writeUInt32BE(length, 17);
      decipher.setAAD(aad).setAuthTag(sealed.subarray(-16));
      expect(Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).equals(content)).toBe(true);
      expect(openedChunk(pushKey, h, CODEC_NONE, length, sealed).equals(content)).toBe(true);
    }
    const compressed = seal(text, CODEC_ZSTD, frame);
    expect(compressed.length).toBe(frame.length + CHUNK_OVERHEAD);
    expect(openedChunk(pushKey, digest(text), CODEC_ZSTD, text.length, compressed).equals(text)).toBe(true);
  });

  it("comes back whatever it is, and stays when others are opened", () => {
    let before: Buffer = Buffer.alloc(0);
    let copy: Buffer = Buffer.alloc(0);
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), fc.boolean(), (bytes, twice) => {
        const content = twice ? Buffer.concat([bytes, bytes]) : bytes;
        const frame = compress(content);
        const codec = frame ? CODEC_ZSTD : CODEC_NONE;
        const sealed = seal(content, codec, frame ?? content);
        const opened = openedChunk(pushKey, digest(content), codec, content.length, sealed);
        expect(opened.equals(content)).toBe(true);
        expect(before.equals(copy)).toBe(true);
        before = opened;
        copy = Buffer.from(opened);
      }),
    );
  });

  it("has a nonce of its own each time", () => {
    const nonces = Array.from({ length: 2000 }, () => seal(Buffer.from("x")).subarray(0, 12).toString("hex"));
    expect(new Set(nonces).size).toBe(2000);
  });
});

describe("a chunk that was tampered with", () => {
  const content = text.subarray(0, 70_000);
  const h = digest(content);

  it("does not open with any byte changed", () => {
    for (const [codec, inside] of [
      [CODEC_NONE, content] as const,
      [CODEC_ZSTD, compress(content) ?? content] as const,
    ]) {
      const sealed = seal(content, codec, inside);
      fc.assert(
        fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
          const changed = Buffer.from(sealed);
          changed[at] = (changed[at] ?? 0) ^ change;
          expect(outcome(() => openedChunk(pushKey, h, codec, content.length, changed))).toBe("INTEGRITY");
        }),
        { numRuns: 40 },
      );
    }
  });

  it("does not open with another key, digest, codec or length", () => {
    const sealed = seal(content);
    const open = (key: Uint8Array, hash: Uint8Array, codec: number, plain: number) =>
      outcome(() => openedChunk(key, hash, codec, plain, sealed));
    expect(open(randomBytes(32), h, CODEC_NONE, content.length)).toBe("INTEGRITY");
    expect(open(pushKey, digest(text), CODEC_NONE, content.length)).toBe("INTEGRITY");
    expect(open(pushKey, h, CODEC_NONE, content.length - 1)).toBe("INTEGRITY");
    expect(open(pushKey, h, CODEC_ZSTD, content.length + 1)).toBe("INTEGRITY");
    expect(open(pushKey, h, 2, content.length)).toBe("FAILURE");
  });

  it("does not open although its maker had the key: content that is other, frames that say or hold something else", () => {
    const open = (codec: number, inside: Uint8Array, plain = text.length) =>
      outcome(() => openedChunk(pushKey, digest(text), codec, plain, sealAs(digest(text), codec, plain, inside)));
    expect(open(CODEC_ZSTD, frame)).toBe(text.toString("latin1"));
    expect(open(CODEC_NONE, Buffer.alloc(text.length))).toBe("INTEGRITY");
    expect(open(CODEC_ZSTD, compress(Buffer.alloc(text.length)) ?? frame)).toBe("INTEGRITY");
    expect(open(CODEC_ZSTD, frame, text.length - 1)).toBe("INTEGRITY");
    expect(open(CODEC_ZSTD, frame.subarray(0, -1))).toBe("INTEGRITY");
    expect(open(CODEC_ZSTD, Buffer.concat([frame, Buffer.alloc(1)]))).toBe("INTEGRITY");
    expect(open(CODEC_ZSTD, randomBytes(1000))).toBe("INTEGRITY");
  });
});

it("a stored length fits if the content, or a shorter frame, could be in it", () => {
  expect(fitsStored(CODEC_NONE, 1, 29)).toBe(true);
  expect(fitsStored(CODEC_NONE, CHUNK_MAX, CHUNK_MAX + 28)).toBe(true);
  expect(fitsStored(CODEC_ZSTD, 1000, 28 + 9)).toBe(true);
  expect(fitsStored(CODEC_ZSTD, 1000, 28 + 999)).toBe(true);
  for (const [codec, plain, stored] of [
    [CODEC_NONE, 0, 28],
    [CODEC_NONE, CHUNK_MAX + 1, CHUNK_MAX + 29],
    [CODEC_NONE, 1000, 1027],
    [CODEC_ZSTD, 1000, 1028],
    [CODEC_ZSTD, 1000, 28 + 8],
    [CODEC_ZSTD, CHUNK_MAX + 1, 100],
  ] as const) {
    expect(fitsStored(codec, plain, stored)).toBe(false);
  }
});
