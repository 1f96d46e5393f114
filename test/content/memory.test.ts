import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { start } from "../fault/child-process.ts";

const MB = 1024 * 1024;
/** What was built: threads run nothing else. */
const DIST = join(import.meta.dirname, "../../dist");

const prelude = `
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { folderStore } from "${DIST}/store/folder.js";
import { writeContent } from "${DIST}/content/write.js";
import { readContent } from "${DIST}/content/read.js";
import { parseTree } from "${DIST}/content/parse-tree.js";
const place = { store: folderStore("store"), prefix: "packs/a/b/", condemned: async () => new Set() };
const quiet = { signal: new AbortController().signal, progress() {} };
const report = (bytes) => console.log(JSON.stringify({ bytes, peak: process.resourceUsage().maxRSS * 1024 }));
`;

const push = `${prelude}
const piece = randomBytes(${String(MB)});
async function* read() {
  for (let i = 0; i < 300; i++) {
    for (let at = 0; at < piece.length; at += 4096) piece.writeUInt32LE(i, at);
    yield piece;
  }
}
async function* files() { yield { path: "big", kind: "file", bytes: 300 * piece.length, read }; }
const written = await writeContent(files(), { place, pushKey: randomBytes(32), onPack: async () => {}, ...quiet });
writeFileSync("tree", written.tree);
report(written.bytesNew);
`;

const pull = `${prelude}
let bytes = 0;
for await (const file of readContent(parseTree(readFileSync("tree")), place, quiet)) {
  for await (const piece of file.read()) bytes += piece.length;
}
report(bytes);
`;

const restore = `${prelude}
import { restoreFolder } from "${DIST}/content/restore.js";
const content = readContent(parseTree(readFileSync("tree")), place, quiet);
await restoreFolder("restored", content, [], { signal: quiet.signal, resume: "v1" });
report(statSync("restored/big").size);
`;

// The bounds are loose: garbage is collected when Node likes. What they exclude is memory that grows with the artifact.
it("pushes and pulls 300 MB in less memory than that", async () => {
  const dir = mkdtempSync(join(tmpdir(), "memory-"));
  try {
    for (const [script, limit] of [
      [push, 280],
      [pull, 260],
      [restore, 260],
    ] as const) {
      const child = start(dir, script);
      const result = JSON.parse(child.stdout ? await text(child.stdout) : "") as { bytes: number; peak: number };
      expect(result.bytes).toBe(300 * MB);
      expect(result.peak).toBeLessThan(limit * MB);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});
