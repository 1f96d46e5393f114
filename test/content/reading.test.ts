import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { packName } from "../../src/content/pack.ts";
import { readContent, type StoredFile } from "../../src/content/read.ts";
import { restoreFolder, streamFile } from "../../src/content/restore.ts";
import type { Tree } from "../../src/content/tree.ts";
import { collect } from "../fault/faulty-store.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { expected, type Given, never, noise, PREFIX, push } from "./files.ts";

const MB = 1024 * 1024;
const quiet = { signal: never, progress: () => undefined };

class Watched extends MemoryStore {
  /** What was asked for, as the numbers of blocks. */
  readonly asked: string[] = [];
  bytesAsked = 0;

  override async range(name: string, from: number, length: number): Promise<Uint8Array | undefined> {
    expect(from % MB).toBe(0);
    this.bytesAsked += length;
    for (let at = from; at < from + length; at += MB) this.asked.push(`${name} ${String(at / MB)}`);
    return await super.range(name, from, length);
  }
}

async function contentOf(file: StoredFile | undefined): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file?.read() ?? []) pieces.push(piece);
  return Buffer.concat(pieces);
}

describe("what is fetched", () => {
  const files: Given[] = Array.from({ length: 30 }, (_, i) => ({
    path: `f${String(i).padStart(2, "0")}`,
    content: noise(1_150_000, `f${String(i)}`),
  }));

  it("is each block once, for a whole folder", async () => {
    const store = new Watched();
    const { parsed, packs } = await push(store, [...files, { path: "again", content: files[3]?.content }]);
    const dir = mkdtempSync(join(tmpdir(), "reading-"));
    try {
      const content = readContent(parsed, { store, prefix: PREFIX }, quiet);
      await restoreFolder(join(dir, "target"), content, [], { signal: never });
      expect(readdirSync(join(dir, "target"))).toHaveLength(31);
    } finally {
      rmSync(dir, { recursive: true });
    }
    expect(new Set(store.asked).size).toBe(store.asked.length);
    expect(store.bytesAsked).toBeLessThanOrEqual(packs.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it("is only what the selected files need", async () => {
    const store = new Watched();
    const { parsed } = await push(store, files);
    const select = ({ path }: { path: string }) => path === "f07" || path === "f21";
    const found = await collect(readContent(parsed, { store, prefix: PREFIX }, { ...quiet, select }));
    expect(found.map(({ path }) => path)).toEqual(["f07", "f21"]);
    expect(sha256Hex(await contentOf(found[1]))).toBe(found[1]?.sha256);
    expect(sha256Hex(await contentOf(found[0]))).toBe(found[0]?.sha256);
    expect(new Set(store.asked)).toEqual(blocksOf(parsed, select));
  });

  /** By the rules of the format alone. */
  function blocksOf(tree: Tree, select: (file: { path: string }) => boolean): Set<string> {
    const blocks = new Set<string>();
    for (const file of tree.files.filter(select)) {
      let at = 0;
      const ranges = tree.streams[file.stream] ?? [];
      for (let i = 0; i < ranges.length; i += 2) {
        for (let row = ranges[i] ?? 0; row < (ranges[i] ?? 0) + (ranges[i + 1] ?? 0); row++) {
          const { pack, offset, stored, plain } = tree.chunks.place(row);
          const inside = at < file.offset + file.bytes && at + plain > file.offset;
          at += plain;
          if (!inside) continue;
          const name = packName(PREFIX, tree.packs[pack]?.id ?? "");
          for (let block = Math.floor(offset / MB); block <= Math.floor((offset + stored - 1) / MB); block++) {
            blocks.add(`${name} ${String(block)}`);
          }
        }
      }
    }
    return blocks;
  }

  it("is nothing for files that nobody reads", async () => {
    const store = new Watched();
    const { parsed } = await push(store, files);
    expect(await collect(readContent(parsed, { store, prefix: PREFIX }, quiet))).toHaveLength(30);
    expect(store.asked).toEqual([]);
  });
});

describe("reading", () => {
  it("gives the same in whatever order, at once, again, or left off", async () => {
    const store = new MemoryStore();
    const given: Given[] = [
      { path: "large", content: noise(9 * MB, "large") },
      ...[10, 100_000, 900_000, 1, 70_000].map((bytes, i) => ({
        path: `s${String(i)}`,
        content: noise(bytes, `s${String(i)}`),
      })),
    ];
    const { parsed } = await push(store, given);
    const content = expected(given);
    const step = fc.record({
      file: fc.nat({ max: given.length - 1 }),
      how: fc.constantFrom("whole", "some", "with next"),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 6 }), fc.boolean(), async (steps, during) => {
        const files: StoredFile[] = [];
        const read = async (file: StoredFile | undefined) =>
          expect((await contentOf(file)).equals(content.get(file?.path ?? "") ?? Buffer.alloc(0))).toBe(true);
        for await (const file of readContent(parsed, { store, prefix: PREFIX }, quiet)) {
          files.push(file);
          if (during && files.length % 2 === 0) await read(file);
        }
        for (const { file, how } of steps) {
          if (how === "whole") await read(files[file]);
          else if (how === "with next") await Promise.all([read(files[file]), read(files[(file + 1) % files.length])]);
          else for await (const _ of files[file]?.read() ?? []) break;
        }
      }),
      { numRuns: 25 },
    );
  });

  it("stops when it is interrupted, in the middle of a file", async () => {
    const store = new MemoryStore();
    const { parsed } = await push(store, [{ path: "a", content: noise(20 * MB, "a") }]);
    const abort = new AbortController();
    const [file] = await collect(readContent(parsed, { store, prefix: PREFIX }, { ...quiet, signal: abort.signal }));
    const reading = (async () => {
      for await (const _ of file?.read() ?? []) abort.abort();
    })();
    await expect(reading).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("a file that goes to a stream", () => {
  const content = noise(12 * MB, "stream");

  async function stored(change: (tree: Tree) => Tree = (tree) => tree) {
    const store = new MemoryStore();
    const { parsed } = await push(store, [{ path: "a", content }]);
    return readContent(change(parsed), { store, prefix: PREFIX }, quiet);
  }

  it("waits for whoever takes it", async () => {
    const out = new PassThrough({ highWaterMark: 1000 });
    let ended = false;
    const streaming = stored()
      .then((files) => streamFile(files, out))
      .then(() => {
        ended = true;
        out.end();
      });
    const taken: Buffer[] = [];
    for await (const piece of out as AsyncIterable<Buffer>) {
      expect(ended).toBe(false);
      taken.push(piece);
      if (taken.length === 1) await new Promise((done) => setTimeout(done, 50));
    }
    await streaming.catch(() => undefined);
    expect(Buffer.concat(taken).equals(content)).toBe(true);
  });

  it("ends before its last piece where the digest of the whole is another", async () => {
    const lying = await stored((tree) => ({
      ...tree,
      files: tree.files.map((file) => ({ ...file, sha256: sha256Hex("other") })),
    }));
    const taken: Buffer[] = [];
    const out = new PassThrough({ highWaterMark: content.length });
    out.on("data", (piece: Buffer) => taken.push(piece));
    await expect(streamFile(lying, out)).rejects.toMatchObject({
      code: "INTEGRITY",
      message: "a is damaged in the store",
    });
    const written = Buffer.concat(taken);
    expect(written.length).toBeLessThan(content.length);
    expect(written.equals(content.subarray(0, written.length))).toBe(true);
  });

  it("ends quietly where the reader goes away, and with an error where writing fails", async () => {
    const failing = (code: string) => {
      let pieces = 0;
      return new Writable({
        write: (_piece, _encoding, done) => done(++pieces > 2 ? Object.assign(new Error(code), { code }) : undefined),
      });
    };
    await streamFile(await stored(), failing("EPIPE"));
    await expect(streamFile(await stored(), failing("ENOSPC"))).rejects.toMatchObject({ code: "ENOSPC" });
  });
});
