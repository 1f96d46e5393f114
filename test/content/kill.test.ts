import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { compile, start } from "../fault/child-process.ts";

const prelude = `
import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { folderStore } from "./dist/store/folder.js";
import { writeContent } from "./dist/content/write.js";
import { readContent } from "./dist/content/read.js";
import { restoreFolder } from "./dist/content/restore.js";
import { parseTree } from "./dist/content/parse-tree.js";
const place = { store: folderStore("store"), prefix: "packs/a/b/", condemned: async () => false };
const quiet = { signal: new AbortController().signal, progress() {} };
`;

const push = `${prelude}
const contents = [randomBytes(48 * 2 ** 20), ...Array.from({ length: 300 }, (_, i) => randomBytes(i * 20))];
async function* files() {
  for (const [i, content] of contents.entries()) {
    yield { path: \`d\${i % 5}/f\${i}\`, kind: "file", bytes: content.length, async *read() { yield content; } };
  }
}
const written = await writeContent(files(), { place, pushKey: randomBytes(32), onPack: async () => {}, ...quiet });
writeFileSync("tree", written.tree);
writeFileSync("files", JSON.stringify(written.files.map(({ path, sha256 }) => [path, sha256])));
`;

/** Ends itself as by `kill -9` some time after the request that it is told; each request takes a moment. */
const pull = (request: number, afterMs: number) => `${prelude}
const { store } = place;
let requests = 0;
async function range(name, from, length, into) {
  if (++requests === ${String(request)}) setTimeout(() => process.kill(process.pid, "SIGKILL"), ${String(afterMs)});
  await new Promise((done) => setTimeout(done, 20 * requests));
  appendFileSync("asked", \`\${length}\\n\`);
  return await store.range(name, from, length, into);
}
const slow = { ...place, store: { range } };
await restoreFolder("target", readContent(parseTree(readFileSync("tree")), slow, quiet), [], { signal: quiet.signal, resume: "v1" });
`;

it("a pull that is killed again and again shows nothing, then all, and gets on each time", {
  timeout: 120_000,
}, async () => {
  const dir = mkdtempSync(join(tmpdir(), "kill-"));
  const run = (script: string) =>
    new Promise<boolean>((done) => start(dir, script).once("exit", (_, signal) => done(signal === null)));
  const asked = () =>
    existsSync(join(dir, "asked"))
      ? readFileSync(join(dir, "asked"), "utf8")
          .split("\n")
          .reduce((sum, line) => sum + Number(line), 0)
      : 0;
  try {
    const entries = ["content/write.ts", "content/restore.ts", "content/parse-tree.ts", "content/worker.ts"];
    compile(join(dir, "dist"), [...entries, "store/folder.ts"]);
    await run(push);
    await run(pull(1, 0));
    let last = 0;
    for (let kills = 0; ; kills++) {
      const before = asked();
      const ended = await run(pull(8 + Math.floor(Math.random() * 3), Math.random() * 60));
      last = asked() - before;
      if (ended) break;
      expect(existsSync(join(dir, "target"))).toBe(false);
      expect(kills).toBeLessThan(12);
    }
    const files = JSON.parse(readFileSync(join(dir, "files"), "utf8")) as [string, string][];
    for (const [path, sha256] of files) expect(sha256Hex(readFileSync(join(dir, "target", path))), path).toBe(sha256);
    // Fewer requests than it took to be killed, so most of it was there.
    expect(last).toBeLessThan(40 * 2 ** 20);
    expect(readdirSync(dir).filter((name) => name.startsWith(".cloister-"))).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});
