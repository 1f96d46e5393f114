import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileEntry } from "../../src/base/file-entry.ts";
import { folderDigests } from "../../src/base/folder-digests.ts";
import { folderFiles, scanFolder, stdinFile } from "../../src/content/folder.ts";
import { parseTree } from "../../src/content/parse-tree.ts";
import { readContent } from "../../src/content/read.ts";
import { restoreFolder, streamFile } from "../../src/content/restore.ts";
import { writeContent } from "../../src/content/write.ts";
import { collect } from "../fault/faulty-store.ts";
import { MemoryStore } from "../fault/memory-store.ts";
import { entries, type Given, never, noise, PREFIX, placeIn, push } from "./files.ts";

let dir: string;
let source: string;
let target: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "content-"));
  source = join(dir, "source");
  target = join(dir, "target");
  mkdirSync(source);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const signal = never;
const sample: Given[] = [
  { path: "a.txt", content: Buffer.from("hello\n") },
  { path: "a/b.bin", content: noise(1_500_000, "b") },
  { path: "a/run.sh", content: Buffer.from("#!/bin/sh\n"), executable: true },
  { path: "a-b/ä ö.txt", content: Buffer.alloc(0) },
  { path: "z/empty", content: undefined },
];

function writeSample(): void {
  for (const { path, content, executable } of sample) {
    const file = join(source, path);
    mkdirSync(join(file, content ? ".." : ""), { recursive: true });
    if (content) writeFileSync(file, content, { mode: executable ? 0o755 : 0o644 });
  }
}

describe("files of a folder", () => {
  it("come sorted by their bytes, with empty folders and the executable bit", async () => {
    writeSample();
    const found = await collect(folderFiles(source, { signal }));
    expect(found.map(({ path, kind, bytes }) => `${path} ${kind} ${String(bytes)}`)).toEqual([
      "a-b/ä ö.txt file 0",
      "a.txt file 6",
      "a/b.bin file 1500000",
      "a/run.sh executable 10",
      "z/empty directory 0",
    ]);
    expect(await scanFolder(source, { signal })).toMatchObject({ files: 4, bytes: 1_500_016 });
    expect(await scanFolder(join(source, "a.txt"), { signal })).toMatchObject({ files: 1, bytes: 6 });
  });

  it("can leave files and folders out", async () => {
    writeSample();
    const exclude = (path: string) => path === "a" || path === "a.txt";
    const found = await collect(folderFiles(source, { signal, exclude }));
    expect(found.map((entry) => entry.path)).toEqual(["a-b/ä ö.txt", "z/empty"]);
  });

  it("are refused by name where one is a link, a pipe, a socket or a device", async () => {
    writeSample();
    symlinkSync("a.txt", join(source, "link"));
    await expect(collect(folderFiles(source, { signal }))).rejects.toMatchObject({
      code: "FAILURE",
      message: "link cannot be pushed",
      why: "it is a symbolic link",
    });
    rmSync(join(source, "link"));
    execFileSync("mkfifo", [join(source, "a", "pipe")]);
    await expect(scanFolder(source, { signal })).rejects.toMatchObject({ message: "a/pipe cannot be pushed" });
    rmSync(join(source, "a", "pipe"));
    const server = createServer().listen(join(source, "sock"));
    await new Promise((resolve) => server.once("listening", resolve));
    await expect(scanFolder(source, { signal })).rejects.toMatchObject({ message: "sock cannot be pushed" });
    server.close();
    await expect(scanFolder("/dev/null", { signal })).rejects.toMatchObject({ message: "null cannot be pushed" });
    await expect(scanFolder(join(dir, "none"), { signal })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("are refused where a name is not UTF-8", async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0x66, 0xff])]), "x");
    await expect(scanFolder(source, { signal })).rejects.toMatchObject({ why: "its name is not UTF-8" });
  });

  it.each([
    ["grows", () => appendFileSync(join(source, "f"), "x")],
    ["keeps its length but not its content", () => writeFileSync(join(source, "f"), noise(600_000, "other"))],
    ["loses its end", () => writeFileSync(join(source, "f"), "")],
  ])("are refused where a file %s while it is read", async (_, change) => {
    writeFileSync(join(source, "f"), noise(600_000, "f"));
    for (const when of ["before", "during"]) {
      const [entry] = await collect(folderFiles(source, { signal }));
      const reading = (async () => {
        if (when === "before") change();
        for await (const piece of entry?.read() ?? []) if (piece.length > 0) change();
      })();
      await expect(reading).rejects.toMatchObject({ code: "FAILURE", message: "f changed while it was read" });
      writeFileSync(join(source, "f"), noise(600_000, "f"));
    }
  });

  it("are refused where a small file was replaced after it was listed", async () => {
    writeSample();
    const found = await collect(folderFiles(source, { signal }));
    writeFileSync(join(source, "a.txt"), "HELLO\n");
    rmSync(join(source, "a/run.sh"));
    symlinkSync("b.bin", join(source, "a/run.sh"));
    const read = async (path: string) => {
      for await (const _ of found.find((entry) => entry.path === path)?.read() ?? []);
    };
    await expect(read("a.txt")).rejects.toMatchObject({ code: "FAILURE", message: "a.txt changed while it was read" });
    await expect(read("a/run.sh")).rejects.toMatchObject({ code: "FAILURE", message: "cannot read a/run.sh" });
  });

  it("stop when the signal is aborted", async () => {
    writeSample();
    const abort = new AbortController();
    abort.abort();
    await expect(scanFolder(source, { signal: abort.signal })).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("standard input", () => {
  it("becomes a file of a length that shows at its end", async () => {
    const store = new MemoryStore();
    const { tree } = await writeContent(stdinFile(Readable.from([Buffer.from("ab"), Buffer.from("c")]), "in.csv"), {
      place: placeIn(store),
      pushKey: Buffer.alloc(32),
      onPack: async () => undefined,
      signal,
      progress: () => undefined,
    });
    expect(parseTree(tree).files).toMatchObject([{ path: "in.csv", bytes: 3 }]);
  });
});

describe("restoring a folder", () => {
  const leftovers = () => readdirSync(dir).filter((name) => name.startsWith(".cloister"));

  it("gives back what was pushed, with the executable bit, and only then the folder's name", async () => {
    writeSample();
    const store = new MemoryStore();
    const { parsed } = await push(store, sample);
    const extra = [{ path: "manifest.json", bytes: Buffer.from("{}") }];
    const files = readContent(parsed, { store, prefix: PREFIX }, { signal, progress: () => undefined });
    await restoreFolder(target, files, extra, { signal });
    expect(readFileSync(join(target, "manifest.json"), "utf8")).toBe("{}");
    rmSync(join(target, "manifest.json"));
    execFileSync("diff", ["-r", source, target]);
    expect(statSync(join(target, "a/run.sh")).mode & 0o100).toBe(0o100);
    expect(statSync(join(target, "a.txt")).mode & 0o111).toBe(0);
    expect(statSync(target).mode & 0o777).toBe(0o700);
    expect(leftovers()).toEqual([]);
  });

  it("fills an empty folder, and makes the folders above", async () => {
    mkdirSync(target);
    await restoreFolder(target, entries(sample), [], { signal });
    await restoreFolder(join(dir, "x/y/z"), entries(sample), [], { signal });
    execFileSync("diff", ["-r", target, join(dir, "x/y/z")]);
  });

  it("touches nothing where something is there already", async () => {
    const asked = async function* (): AsyncIterable<FileEntry> {
      yield await Promise.reject(new Error("must not be asked"));
    };
    mkdirSync(target);
    writeFileSync(join(target, "mine"), "x");
    symlinkSync(source, join(dir, "link"));
    symlinkSync("nowhere", join(dir, "dangling"));
    writeFileSync(join(dir, "file"), "x");
    for (const name of ["target", "link", "dangling", "file"]) {
      await expect(restoreFolder(join(dir, name), asked(), [], { signal }), name).rejects.toMatchObject({
        code: "USAGE",
      });
    }
    expect(readFileSync(join(target, "mine"), "utf8")).toBe("x");
    expect(leftovers()).toEqual([]);
  });

  it("leaves nothing behind after an error, an abort, or a hostile path", async () => {
    const abort = new AbortController();
    async function* aborting() {
      for await (const entry of entries(sample)) {
        yield entry;
        abort.abort();
      }
    }
    await expect(restoreFolder(target, aborting(), [], { signal: abort.signal })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    async function* failing() {
      yield* entries(sample);
      throw new Error("damaged");
    }
    await expect(restoreFolder(target, failing(), [], { signal })).rejects.toThrow("damaged");
    for (const path of ["../escape", "/abs", "a\0b", "a/../../b", ".git/config", "A.txt", "a.txt"]) {
      const hostile = entries([...sample, { path, content: Buffer.from("x") }]);
      await expect(restoreFolder(target, hostile, [], { signal }), path).rejects.toMatchObject({ code: "INTEGRITY" });
    }
    const twice = [{ path: "a.txt", bytes: Buffer.from("x") }];
    await expect(restoreFolder(target, entries(sample), twice, { signal })).rejects.toMatchObject({
      code: "INTEGRITY",
    });
    expect(existsSync(target)).toBe(false);
    expect(existsSync(join(dir, "escape"))).toBe(false);
    expect(leftovers()).toEqual([]);
  });

  it("does not replace what appeared at the target in the meantime", async () => {
    async function* slow() {
      yield* entries(sample);
      mkdirSync(target);
      writeFileSync(join(target, "mine"), "x");
    }
    await expect(restoreFolder(target, slow(), [], { signal })).rejects.toMatchObject({ code: "USAGE" });
    expect(readdirSync(target)).toEqual(["mine"]);
    expect(leftovers()).toEqual([]);
  });

  it("says what may not be written", async () => {
    chmodSync(source, 0o500);
    const asRoot = process.getuid?.() === 0;
    const place = asRoot ? "/proc/none/target" : join(source, "target");
    await expect(restoreFolder(place, entries(sample), [], { signal })).rejects.toMatchObject({ code: "FAILURE" });
  });
});

describe("streaming one file", () => {
  it("writes its bytes, and refuses anything but one file before writing", async () => {
    const out = new PassThrough({ highWaterMark: 10_000_000 });
    await streamFile(entries(sample.slice(1, 2)), out);
    expect(out.read().equals(sample[1]?.content)).toBe(true);
    for (const files of [[], sample, sample.slice(4), sample.slice(3)]) {
      await expect(streamFile(entries(files), out)).rejects.toMatchObject({ code: "USAGE" });
    }
    expect(out.read()).toBeNull();
  });
});

describe("digests of a folder", () => {
  it("are those of the usual tools", async () => {
    writeSample();
    const { files, dirHash, omsRoot } = await push(new MemoryStore(), [...sample].reverse());
    const pipeline = "find . -type f | cut -c3- | LC_ALL=C sort | xargs -d '\\n' sha256sum";
    const shell = (script: string) => execFileSync("sh", ["-c", script], { cwd: source, encoding: "utf8" });
    expect(`${dirHash}  -\n`).toBe(shell(`${pipeline} | sha256sum`));
    const rawDigests = `${pipeline} | cut -c1-64 | perl -lne 'binmode STDOUT; local $\\; print pack("H*", $_)'`;
    expect(`${omsRoot}  -\n`).toBe(shell(`${rawDigests} | sha256sum`));
    const regular = files.filter((file) => file.kind !== "directory");
    expect(folderDigests([...regular].reverse())).toEqual({ dirHash, omsRoot });
  });
});
