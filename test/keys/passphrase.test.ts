import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readPassphraseFile } from "../../src/keys/passphrase.ts";

const root = mkdtempSync(join(tmpdir(), "passphrase-"));
afterAll(() => rmSync(root, { recursive: true }));
const at = (name: string) => join(root, name);

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  writeFileSync(at(name), content, { mode });
  return at(name);
}

test("one newline at the end is left out, everything else counts", async () => {
  for (const [content, text] of [
    ["correct horse battery", "correct horse battery"],
    ["correct horse battery\n", "correct horse battery"],
    ["correct horse battery\r\n", "correct horse battery"],
    [" correct horse\n\n", " correct horse\n"],
    ["Größenwahn-für-alle", "Größenwahn-für-alle"],
  ] as const) {
    expect(await readPassphraseFile(write("file", content))).toEqual({ text, warnings: [] });
  }
});

test("a link is followed, and up to 4 KB are taken", async () => {
  symlinkSync(write("target", "p".repeat(4096)), at("link"));
  expect((await readPassphraseFile(at("link"))).text).toHaveLength(4096);
});

test("warns of a readable file and of a short passphrase", async () => {
  const { warnings } = await readPassphraseFile(write("open", "short", 0o644));
  expect(warnings).toEqual([expect.stringContaining("shorter"), expect.stringContaining("other users")]);
});

test("refuses what holds no passphrase, without showing what it holds", async () => {
  execFileSync("mkfifo", [at("fifo")]);
  mkdirSync(at("dir"));
  const bad = [
    at("missing"),
    at("fifo"),
    at("dir"),
    "/dev/zero",
    write("empty", ""),
    write("newline", "\n"),
    write("long", "p".repeat(4097)),
    write("binary", Buffer.of(0xff, 0xfe)),
  ];
  for (const file of bad) {
    const error: unknown = await readPassphraseFile(file).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "USAGE" });
    expect(String(error)).not.toContain("ppp");
  }
});
