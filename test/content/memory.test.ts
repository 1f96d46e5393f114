import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { compile, start } from "../fault/child-process.ts";

const MB = 1024 * 1024;

// The bound is loose: garbage is collected when Node likes. What it excludes is memory that grows with the artifact.
it("pushes and pulls 300 MB within 260 MB of memory", async () => {
  const dir = mkdtempSync(join(tmpdir(), "memory-"));
  const files = ["content/write.ts", "content/read.ts", "content/parse-tree.ts", "store/folder.ts"];
  compile(dir, files);
  const child = start(
    dir,
    `
    import { randomBytes } from "node:crypto";
    import { folderStore } from "./store/folder.js";
    import { writeContent } from "./content/write.js";
    import { readContent } from "./content/read.js";
    import { parseTree } from "./content/parse-tree.js";
    const piece = randomBytes(${String(MB)});
    async function* read() {
      for (let i = 0; i < 300; i++) {
        piece.writeUInt32LE(i, (i * 4099) % ${String(MB - 4)});
        for (let at = 0; at < piece.length; at += 4096) piece.writeUInt32LE(i, at);
        yield piece;
      }
    }
    const place = { store: folderStore(${JSON.stringify(join(dir, "store"))}), prefix: "packs/a/b/", condemned: async () => false };
    const quiet = { signal: new AbortController().signal, progress() {} };
    async function* files() { yield { path: "big", kind: "file", bytes: 300 * ${String(MB)}, read }; }
    const written = await writeContent(files(), { place, pushKey: randomBytes(32), onPack: async () => {}, ...quiet });
    const pushed = process.resourceUsage().maxRSS;
    let bytes = 0;
    for await (const file of readContent(parseTree(written.tree), place, quiet)) {
      for await (const part of file.read()) bytes += part.length;
    }
    console.log(JSON.stringify({ bytes, new: written.bytesNew, pushed, all: process.resourceUsage().maxRSS }));`,
  );
  const output = child.stdout ? await text(child.stdout) : "";
  rmSync(dir, { recursive: true });
  const result = JSON.parse(output) as { bytes: number; new: number; pushed: number; all: number };
  expect(result.bytes).toBe(300 * MB);
  expect(result.new).toBe(300 * MB);
  expect(result.all * 1024).toBeLessThan(260 * MB);
});
