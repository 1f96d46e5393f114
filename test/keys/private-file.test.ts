import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createPrivateFile, exposure, readPrivateFile, writePrivateFile } from "../../src/keys/private-file.ts";

const root = mkdtempSync(join(tmpdir(), "private-"));
afterAll(() => rmSync(root, { recursive: true }));
const mode = (path: string) => statSync(path).mode & 0o777;
const bytes = Buffer.from("secret");
let count = 0;
const fresh = () => join(root, String(count++), "folder", "file");

test("a new file and its folder are closed, whatever the umask says", async () => {
  const earlier = process.umask(0);
  try {
    const file = fresh();
    await writePrivateFile(file, bytes);
    expect([mode(file), mode(join(file, ".."))]).toEqual([0o600, 0o700]);
    expect((await readPrivateFile(file, 100))?.equals(bytes)).toBe(true);
  } finally {
    process.umask(earlier);
  }
});

test("writing closes a folder and a file that were open", async () => {
  const file = fresh();
  mkdirSync(join(file, ".."), { recursive: true, mode: 0o755 });
  writeFileSync(file, "old", { mode: 0o644 });
  await writePrivateFile(file, bytes);
  expect([mode(file), mode(join(file, ".."))]).toEqual([0o600, 0o700]);
  expect(readdirSync(join(file, ".."))).toEqual(["file"]);
});

test("an open file or folder is not read, and the refusal names the command that closes it", async () => {
  const file = fresh();
  await writePrivateFile(file, bytes);
  for (const [path, open, closed] of [
    [file, 0o640, 0o600],
    [file, 0o604, 0o600],
    [join(file, ".."), 0o750, 0o700],
  ] as const) {
    chmodSync(path, open);
    const next = `chmod ${closed.toString(8)} '${path}'`;
    await expect(readPrivateFile(file, 100)).rejects.toMatchObject({ code: "FAILURE", next });
    expect(await exposure(path)).toMatchObject({ next });
    chmodSync(path, closed);
  }
  expect((await readPrivateFile(file, 100))?.equals(bytes)).toBe(true);
});

test("links, FIFOs, folders and larger files are refused; a missing file is none", async () => {
  const file = fresh();
  await writePrivateFile(file, bytes);
  const beside = (name: string) => join(file, "..", name);
  symlinkSync(file, beside("link"));
  execFileSync("mkfifo", ["-m", "600", beside("fifo")]);
  mkdirSync(beside("dir"), { mode: 0o700 });
  await expect(readPrivateFile(beside("link"), 100)).rejects.toMatchObject({ code: "FAILURE" });
  for (const name of ["fifo", "dir"]) {
    await expect(readPrivateFile(beside(name), 100)).rejects.toMatchObject({ code: "INTEGRITY" });
  }
  await expect(readPrivateFile(file, bytes.length - 1)).rejects.toMatchObject({ code: "INTEGRITY" });
  expect(await readPrivateFile(beside("missing"), 100)).toBeUndefined();
  expect(await readPrivateFile(join(root, "no", "folder"), 100)).toBeUndefined();
});

test("of many creators of one name exactly one wins, and nothing is left beside it", async () => {
  const file = fresh();
  const won = await Promise.all(Array.from({ length: 10 }, (_, i) => createPrivateFile(file, Buffer.of(i))));
  expect(won.filter(Boolean)).toHaveLength(1);
  expect((await readPrivateFile(file, 1))?.[0]).toBe(won.indexOf(true));
  expect(readdirSync(join(file, ".."))).toEqual(["file"]);
});
