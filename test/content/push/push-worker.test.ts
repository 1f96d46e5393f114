import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import {
  lstatSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import type { LocalFile } from "../../../src/base/file-entry.ts";
import { planParts } from "../../../src/content/cut/plan-parts.ts";
import { openGear } from "../../../src/content/gear.ts";
import { openPool, type Pool } from "../../../src/content/pool.ts";
import type { PushJob, PushResult, PushSetup, SealedSection } from "../../../src/content/push/job.ts";
import { PushWorker } from "../../../src/content/push/push-worker.ts";
import { SharedChunks } from "../../../src/content/push/shared-chunks.ts";
import { CODEC_NONE, CODEC_ZSTD } from "../../../src/content/seal-chunk.ts";
import { safetensors } from "../cut/files.ts";
import { openedChunk } from "../files.ts";

const folder = mkdtempSync(join(tmpdir(), "cloister-push-worker-"));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function localFile(content: Uint8Array): LocalFile {
  const absolute = join(folder, String(files++));
  writeFileSync(absolute, content);
  return scanned(absolute);
}

function scanned(absolute: string): LocalFile {
  const { dev, ino, mode, size, mtimeNs, ctimeNs } = lstatSync(absolute, { bigint: true });
  const stats = { dev, ino, mode: Number(mode), size: Number(size), mtimeNs, ctimeNs };
  return { absolute, path: `path/of/${absolute.slice(folder.length + 1)}`, stats };
}

/** A pushing side with what its workers share. What comes of a job is opened and put together again. */
class Side {
  readonly chunks = SharedChunks.create(100);
  readonly setup: PushSetup;
  /** Content by row, of all sections so far. */
  readonly contents = new Map<number, Buffer>();
  readonly sections: { readonly bytes: number; readonly rows: readonly number[] }[] = [];
  readonly #own: PushWorker;

  constructor(options: Partial<PushSetup> = {}, stop = () => {}) {
    this.setup = { chunks: this.chunks.shared(), pushKey: randomBytes(32), gainLeast: 1.5, sections: 2, ...options };
    this.#own = PushWorker.from(this.setup, stop);
  }

  run(job: PushJob): PushResult {
    const steps = this.#own.run(job);
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      this.take(step.value);
    }
  }

  take({ bytes, rows }: SealedSection): void {
    let at = 0;
    for (const row of rows) {
      const { stored, plain, codec } = this.chunks.place(row);
      const h = Buffer.from(this.chunks.digest(row));
      const sealed = Buffer.from(bytes.subarray(at, at + stored));
      expect(this.contents.has(row)).toBe(false);
      this.contents.set(row, openedChunk(Buffer.from(this.setup.pushKey), h, codec, plain, sealed));
      at += stored;
    }
    expect(at).toBe(bytes.length);
    this.sections.push({ bytes: at, rows: [...rows] });
  }

  content({ ranges }: PushResult): Buffer {
    return Buffer.concat(this.rows(ranges).map((row) => this.contents.get(row) ?? Buffer.from("missing")));
  }

  rows(ranges: Uint32Array): readonly number[] {
    const pairs = Array.from({ length: ranges.length / 2 }, (_, i) => [ranges[2 * i] ?? 0, ranges[2 * i + 1] ?? 0]);
    return pairs.flatMap(([first = 0, count = 0]) => Array.from({ length: count }, (_, i) => first + i));
  }
}

function noise(bytes: number, seed = "noise"): Buffer {
  return createHash("shake128", { outputLength: bytes }).update(seed).digest();
}

function text(bytes: number): Buffer {
  const lines = Array.from({ length: Math.ceil(bytes / 20) }, (_, i) => `${String(i * 7919).padStart(12)} rows\n`);
  return Buffer.from(lines.join("")).subarray(0, bytes);
}

const whole = (file: LocalFile): PushJob => ({ kind: "part", file, from: 0, to: file.stats.size, cuts: undefined });
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();

describe("a part of a file", () => {
  it("becomes chunks that are cut as the format says, and come back", () => {
    const content = noise(10_000_000);
    const side = new Side();
    const file = localFile(content);
    const result = side.run({ kind: "part", file, from: 1000, to: 9_000_000, cuts: undefined });
    expect(side.content(result).equals(content.subarray(1000, 9_000_000))).toBe(true);
    expect([result.bytes, result.bytesNew]).toEqual([8_999_000, 8_999_000]);
    const gear = openGear();
    let at = 1000;
    for (const row of side.rows(result.ranges)) {
      const known = gear.slab.set(content.subarray(at, at + 200_000));
      expect(known).toBeUndefined();
      const bytes = gear.cut(0, Math.min(200_000, 9_000_000 - at));
      expect(side.contents.get(row)?.length).toBe(bytes);
      at += bytes;
    }
    expect(result.ranges.length).toBe(2);
  });

  it("gives sections of a MiB in which no order of the content is left", () => {
    const side = new Side();
    const result = side.run(whole(localFile(noise(8_000_000))));
    expect(side.sections.length).toBeGreaterThan(5);
    for (const { bytes } of side.sections.slice(0, -1)) {
      expect(bytes).toBeGreaterThanOrEqual(1_048_576);
      expect(bytes).toBeLessThan(1_048_576 + 131_072 + 28);
    }
    const laid = side.sections.flatMap(({ rows }) => rows);
    expect([...laid].sort((a, b) => a - b)).toEqual(side.rows(result.ranges));
    const inOrder = laid.filter((row, i) => i > 0 && row === (laid[i - 1] ?? 0) + 1).length;
    expect(inOrder).toBeLessThan(laid.length / 3);
    // Each chunk stays in its section.
    const ends = side.sections.map(({ rows }) => Math.max(...rows));
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
  });

  it("that was seen before costs no section, in this push and from workers beside this one", () => {
    const content = noise(3_000_000);
    const side = new Side();
    const first = side.run(whole(localFile(content)));
    const count = side.sections.length;
    const again = side.run(whole(localFile(content)));
    expect(again).toEqual({ ...first, bytesNew: 0 });
    const beside = PushWorker.from(side.setup, () => {});
    expect(beside.run(whole(localFile(content))).next()).toEqual({ done: true, value: again });
    expect(side.sections.length).toBe(count);
  });

  it("whatever it holds and wherever it begins, comes back", () => {
    const piece = fc.record({
      kind: fc.constantFrom("noise", "text", "zeros"),
      bytes: fc.integer({ min: 1, max: 900_000 }),
    });
    const make = ({ kind, bytes }: { readonly kind: string; readonly bytes: number }) =>
      kind === "noise" ? noise(bytes, String(bytes)) : kind === "text" ? text(bytes) : Buffer.alloc(bytes);
    const side = new Side();
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.nat(), fc.nat(), (pieces, a, b) => {
        const content = Buffer.concat(pieces.map(make));
        const ends = [a % content.length, b % content.length].sort((x, y) => x - y);
        const [from = 0, to = 0] = ends;
        const result = side.run({ kind: "part", file: localFile(content), from, to: to + 1, cuts: undefined });
        expect(side.content(result).equals(content.subarray(from, to + 1))).toBe(true);
      }),
      { numRuns: 40 },
    );
  });
});

describe("a part of a safetensors file", () => {
  const tensorFile = (names: readonly string[], sizes: Readonly<Record<string, number>>) => {
    let at = 0;
    const entries = names.map((name) => {
      at += sizes[name] ?? 0;
      return [name, { dtype: "U8", shape: [1], data_offsets: [at - (sizes[name] ?? 0), at] }];
    });
    return safetensors(Object.fromEntries(entries), Buffer.concat(names.map((name) => noise(sizes[name] ?? 0, name))));
  };
  const push = async (side: Side, content: Buffer) => {
    const file = localFile(content);
    const handle = await open(file.absolute);
    const parts = await planParts(handle, content.length);
    await handle.close();
    return parts.map((part) => side.run({ kind: "part", file, ...part }));
  };

  it("is cut every 256 KiB of each tensor: tensors in another order are found again", async () => {
    const sizes = { a: 1_000_000, b: 2_500_001, c: 40_000, d: 700_007 };
    const side = new Side();
    const content = tensorFile(["a", "b", "c", "d"], sizes);
    const results = await push(side, content);
    expect(Buffer.concat(results.map((result) => side.content(result))).equals(content)).toBe(true);
    const lengths = results.flatMap(({ ranges }) => side.rows(ranges)).map((row) => side.contents.get(row)?.length);
    const expected = Object.values(sizes).flatMap((bytes) => [
      ...Array.from({ length: Math.floor(bytes / 262_144) }, () => 262_144),
      bytes % 262_144,
    ]);
    expect(lengths.slice(1)).toEqual(expected);

    const moved = await push(side, tensorFile(["d", "b", "a", "c"], sizes));
    expect(moved.reduce((sum, { bytesNew }) => sum + bytesNew, 0)).toBeLessThan(1000);
  });

  it("starts again in the middle of a tensor as it would have gone on", () => {
    const side = new Side();
    const content = noise(3_000_000);
    const file = localFile(content);
    const cuts = Float64Array.of(100, 2_000_100, 3_000_000);
    side.run({ kind: "part", file, from: 0, to: 3_000_000, cuts });
    const from = 100 + 3 * 262_144;
    const rest = side.run({ kind: "part", file, from, to: 3_000_000, cuts: cuts.subarray(1) });
    expect([rest.bytes, rest.bytesNew]).toEqual([3_000_000 - from, 0]);
    expect(side.content(rest).equals(content.subarray(from))).toBe(true);
  });
});

describe("small files", () => {
  it("are one stream, each with its digest, the empty ones too", () => {
    const contents = [
      noise(4000),
      Buffer.alloc(0),
      noise(1_048_576, "big"),
      text(300_000),
      Buffer.from("x"),
      noise(1_000_000),
    ];
    const side = new Side();
    const result = side.run({ kind: "batch", files: contents.map(localFile) });
    expect(side.content(result).equals(Buffer.concat(contents))).toBe(true);
    expect(Buffer.from(result.digests).equals(Buffer.concat(contents.map(sha256)))).toBe(true);
    expect(result.bytes).toBe(Buffer.concat(contents).length);
  });

  it("all of them empty are a stream of nothing", () => {
    const side = new Side();
    const result = side.run({ kind: "batch", files: [localFile(Buffer.alloc(0))] });
    expect(result).toEqual({
      ranges: new Uint32Array(0),
      digests: Uint8Array.from(sha256(Buffer.alloc(0))),
      bytes: 0,
      bytesNew: 0,
    });
  });

  it("however many and long they are, come back", () => {
    const side = new Side();
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(5000), fc.nat(1_048_576)), { maxLength: 20 }), (sizes) => {
        const contents = sizes.map((bytes, i) => noise(bytes, `${String(i % 3)} ${String(bytes)}`));
        const result = side.run({ kind: "batch", files: contents.map(localFile) });
        expect(side.content(result).equals(Buffer.concat(contents))).toBe(true);
        expect(Buffer.from(result.digests).equals(Buffer.concat(contents.map(sha256)))).toBe(true);
      }),
      { numRuns: 15 },
    );
  });
});

it("bytes that were read already are cut as a file is", () => {
  const content = noise(6_000_000);
  const side = new Side();
  const result = side.run({ kind: "bytes", bytes: content });
  expect(side.content(result).equals(content)).toBe(true);
  expect(side.run(whole(localFile(content)))).toEqual({ ...result, bytesNew: 0 });
});

describe("the digest of a large file", () => {
  const content = noise(3_000_000);
  const digest = (file: LocalFile, from: number, to: number): PushJob => ({ kind: "digest", file, from, to });

  it("goes on from part to part, beside that of another file and other work", () => {
    const side = new Side();
    const [one, two] = [localFile(content), localFile(noise(2_000_000, "two"))];
    expect(side.run(digest(one, 0, 1_000_001)).digests.length).toBe(0);
    expect(side.run(digest(two, 0, 1_000_000)).digests.length).toBe(0);
    side.run(whole(one));
    expect(Buffer.from(side.run(digest(one, 1_000_001, 3_000_000)).digests).equals(sha256(content))).toBe(true);
    const end = side.run(digest(two, 1_000_000, 2_000_000));
    expect(Buffer.from(end.digests).equals(sha256(noise(2_000_000, "two")))).toBe(true);
  });

  it("cannot begin in the middle", () => {
    expect(() => new Side().run(digest(localFile(content), 1000, 2000))).toThrow(TypeError);
  });
});

describe("compression", () => {
  const codecs = (side: Side) =>
    [...side.contents.keys()].sort((a, b) => a - b).map((row) => side.chunks.place(row).codec);

  it("is used where a sample gains enough, and not where it is not wanted", () => {
    const [gaining, unwanted, incompressible] = [new Side(), new Side({ gainLeast: 0 }), new Side()];
    const content = text(2_000_000);
    const result = gaining.run(whole(localFile(content)));
    expect(gaining.content(result).equals(content)).toBe(true);
    expect(new Set(codecs(gaining))).toEqual(new Set([CODEC_ZSTD]));
    expect(gaining.sections.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(1_000_000);
    unwanted.run(whole(localFile(content)));
    expect(new Set(codecs(unwanted))).toEqual(new Set([CODEC_NONE]));
    incompressible.run(whole(localFile(noise(2_000_000))));
    expect(new Set(codecs(incompressible))).toEqual(new Set([CODEC_NONE]));
  });

  it("ends where content stops to gain, and each part is sampled anew", () => {
    const side = new Side();
    const content = Buffer.concat([text(1_000_000), noise(3_000_000)]);
    expect(side.content(side.run(whole(localFile(content)))).equals(content)).toBe(true);
    const found = codecs(side);
    const last = found.lastIndexOf(CODEC_ZSTD);
    expect(found.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
    expect(found.slice(last + 1).length).toBeGreaterThan(30);
    const before = side.contents.size;
    side.run({ kind: "bytes", bytes: text(300_000).reverse() });
    expect(codecs(side).slice(before)).toContain(CODEC_ZSTD);
  });

  it("is asked to gain more or less by the setup", () => {
    // Six random bits in each byte: Huffman codes gain a third.
    const content = noise(1_000_000).map((byte) => byte & 63);
    const [strict, lenient] = [new Side({ gainLeast: 1.5 }), new Side({ gainLeast: 1.15 })];
    for (const side of [strict, lenient]) side.run(whole(localFile(content)));
    expect(new Set(codecs(strict))).toEqual(new Set([CODEC_NONE]));
    expect(new Set(codecs(lenient))).toEqual(new Set([CODEC_ZSTD]));
  });
});

describe("a file that is not what the scan found", () => {
  const outcomes = (file: LocalFile) =>
    [
      whole(file),
      { kind: "batch", files: [file] } as const,
      { kind: "digest", file, from: 0, to: file.stats.size } as const,
    ].map((job) => {
      try {
        new Side().run(job);
        return "pushed";
      } catch (error) {
        return error;
      }
    });
  const refused = (code: string, message: RegExp) => {
    const error = expect.objectContaining({ code, message: expect.stringMatching(message) });
    return [error, error, error];
  };

  it.each([
    ["was written", (path: string) => writeFileSync(path, noise(5000, "other"))],
    [
      "was written and dated back",
      (path: string) => {
        const { atime, mtime } = lstatSync(path);
        writeFileSync(path, noise(5000, "other"));
        utimesSync(path, atime, mtime);
      },
    ],
    ["is shorter", (path: string) => truncateSync(path, 10)],
    ["is longer", (path: string) => truncateSync(path, 10_000)],
    [
      "is another of the same size",
      (path: string) => {
        writeFileSync(`${path}.new`, noise(5000));
        renameSync(`${path}.new`, path);
      },
    ],
  ])("because it %s, is refused by name", async (_what, change) => {
    const file = localFile(noise(5000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    change(file.absolute);
    expect(outcomes(file)).toEqual(refused("FAILURE", /^path\/of\/\d+ changed while it was read$/));
  });

  it("because it is gone, is refused by name", () => {
    const file = localFile(noise(5000));
    rmSync(file.absolute);
    expect(outcomes(file)).toEqual(refused("NOT_FOUND", /^there is no path\/of\/\d+$/));
  });

  it("because a link took its place, is not followed", () => {
    const file = localFile(noise(5000));
    renameSync(file.absolute, `${file.absolute}.real`);
    symlinkSync(`${file.absolute}.real`, file.absolute);
    expect(outcomes(file)).toEqual(refused("FAILURE", /^cannot read path\/of\/\d+$/));
  });

  it("because a pipe took its place, is not waited for", () => {
    const file = localFile(noise(5000));
    rmSync(file.absolute);
    execFileSync("mkfifo", [file.absolute]);
    expect(outcomes(file)).toEqual(refused("FAILURE", /^path\/of\/\d+ changed while it was read$/));
  });

  it("does not spoil what the worker does next", () => {
    const side = new Side();
    const gone = localFile(noise(5000));
    const good = localFile(noise(900_000));
    rmSync(gone.absolute);
    expect(() => side.run({ kind: "batch", files: [good, gone] })).toThrow("there is no");
    const result = side.run(whole(localFile(noise(1_234_567, "next"))));
    expect(side.content(result).equals(noise(1_234_567, "next"))).toBe(true);
  });
});

it("stops between chunks when it is told to", () => {
  let chunks = 0;
  const stop = () => {
    if (chunks++ === 5) throw new Error("told to stop");
  };
  const side = new Side({}, stop);
  expect(() => side.run(whole(localFile(noise(3_000_000))))).toThrow("told to stop");
  expect(chunks).toBe(6);
});

it("hands out as many buffers in turn as it was told", () => {
  const side = new Side({ sections: 3 });
  const steps = side.setup && PushWorker.from(side.setup, () => {}).run(whole(localFile(noise(9_000_000))));
  const seen: SealedSection[] = [];
  const copies: Buffer[] = [];
  for (let step = steps.next(); !step.done; step = steps.next()) {
    seen.push(step.value);
    copies.push(Buffer.from(step.value.bytes));
    for (const back of [0, 1, 2]) {
      const i = seen.length - 1 - back;
      if (i >= 0) expect(Buffer.compare(seen[i]?.bytes ?? Buffer.alloc(0), copies[i] ?? Buffer.alloc(1))).toBe(0);
    }
  }
  expect(new Set(seen.map(({ bytes }) => bytes.buffer)).size).toBe(3);
});

it("does the same in threads, beside one another", async () => {
  const side = new Side({ sections: 3 });
  const signal = new AbortController().signal;
  const pool: Pool<PushJob, SealedSection, PushResult> = await openPool({
    crew: "push",
    setup: side.setup,
    threads: 2,
    itemsAhead: 2,
    signal,
  });
  try {
    const content = Buffer.concat([noise(3_000_000), text(2_000_000)]);
    const file = localFile(content);
    const jobs = [0, 1].map((worker) => pool.run(worker, whole(file), async (section) => side.take(section)));
    const [one, two] = await Promise.all(jobs);
    if (!one || !two) throw new Error("no result");
    expect(side.content(one).equals(content)).toBe(true);
    expect(side.content(two).equals(content)).toBe(true);
    expect(one.bytesNew + two.bytesNew).toBe(content.length);
    const changed = localFile(noise(5000));
    writeFileSync(changed.absolute, "other");
    await expect(pool.run(0, whole(changed))).rejects.toMatchObject({ code: "FAILURE" });
  } finally {
    await pool.close();
  }
});
