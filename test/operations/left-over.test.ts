// What unfinished work leaves on this device: said as it is, and no content for anybody.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { listFiles } from "../../src/operations/artifact/list-files.ts";
import { push } from "../../src/operations/artifact/push.ts";
import type { Host } from "../../src/operations/host.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";

const UNFINISHED = ".cloister-pull-0123456789abcdef-999999";
/** Of some packs, so that much is left to do when the first is stored. */
const LARGE = 230_000_000;

let folder: string;
let ana: Host;
beforeEach(async () => {
  folder = scratch();
  ana = await makeProject(folder);
});

test("files of an unfinished pull, whose class is noted nowhere, are not pushed along, and not by themselves", async () => {
  randomFiles(ana.cwd);
  mkdirSync(join(ana.cwd, "data/sub", UNFINISHED, "files"), { recursive: true });
  writeFileSync(join(ana.cwd, "data/sub", UNFINISHED, "files", "secret.csv"), "secret");
  const { files } = await push(await sessionOf(ana), { source: { path: "data" }, name: "rows" });
  expect(files).toBe(3);
  const listed = await listFiles(await sessionOf(ana), "rows:v1");
  expect(listed.fileList.map(({ path }) => path)).toEqual(["a.csv", "empty", "sub/b.bin"]);
  for (const path of ["", "/files", "/files/secret.csv"]) {
    const source = { path: `data/sub/${UNFINISHED}${path}` };
    await expect(push(await sessionOf(ana), { source, name: "other" })).rejects.toMatchObject({ code: "USAGE" });
  }
  expect(readFileSync(join(ana.cwd, "data/sub", UNFINISHED, "files", "secret.csv"), "utf8")).toBe("secret");
});

test("a push that goes on and is interrupted again, too, says all that is stored", async () => {
  mkdirSync(join(ana.cwd, "data"));
  writeFileSync(join(ana.cwd, "data/large"), createHash("shake256", { outputLength: LARGE }).update("large").digest());
  const interrupted = async (enough: number): Promise<number> => {
    const abort = new AbortController();
    let last = 0;
    const host: Host = {
      ...hostIn(folder, "ana", abort.signal),
      progress: ({ bytes, bytesKept = 0 }) => {
        last = bytesKept;
        if (bytes > 0 && last >= enough) abort.abort();
      },
    };
    const pushing = push(await sessionOf(host), { source: { path: "data" }, name: "large" });
    await expect(pushing).rejects.toMatchObject({ code: "INTERRUPTED" });
    return last;
  };
  const first = await interrupted(60_000_000);
  expect(first).toBeGreaterThanOrEqual(60_000_000);
  // As soon as it has begun.
  expect(await interrupted(0)).toBeGreaterThanOrEqual(60_000_000);
});
