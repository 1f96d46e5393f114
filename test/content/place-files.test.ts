import {
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
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FileEntry } from "../../src/base/file-entry.ts";
import { placeFiles } from "../../src/content/place-files.ts";

async function* entries(files: Readonly<Record<string, string | Error>>): AsyncGenerator<FileEntry> {
  for (const [path, content] of Object.entries(files)) {
    yield {
      path,
      kind: path.endsWith(".sh") ? "executable" : "file",
      bytes: content instanceof Error ? 0 : content.length,
      read: async function* () {
        if (content instanceof Error) throw content;
        yield Buffer.from(content);
      },
    };
  }
}

describe("files placed among others", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "cloister-test-"));
    writeFileSync(join(root, "old"), "old");
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const place = (
    files: Readonly<Record<string, string | Error>>,
    { overwrite = false, at = root, first = async () => {} } = {},
  ) =>
    placeFiles(at, entries(files), {
      place: (path) => path,
      overwrite,
      first,
      signal: new AbortController().signal,
    });

  it("appear beside what is there, for their owner alone, and nothing else is left", async () => {
    await place({ a: "1", "deep/er/run.sh": "2" });
    expect(readdirSync(root).sort()).toEqual(["a", "deep", "old"]);
    expect(statSync(join(root, "a")).mode & 0o777).toBe(0o600);
    expect(statSync(join(root, "deep/er/run.sh")).mode & 0o777).toBe(0o700);
  });

  it("replace a file only where that was asked for", async () => {
    await expect(place({ a: "1", old: "new" })).rejects.toMatchObject({ code: "USAGE", next: "--force overwrites it" });
    expect(readdirSync(root)).toEqual(["old"]);
    await place({ a: "1", old: "new" }, { overwrite: true });
    expect(readFileSync(join(root, "old"), "utf8")).toBe("new");
  });

  it.each([true, false])("never go through a link, nor in a folder's place (overwrite: %s)", async (overwrite) => {
    const outside = mkdtempSync(join(tmpdir(), "cloister-test-"));
    symlinkSync(outside, join(root, "link"));
    symlinkSync(join(outside, "target"), join(root, "dangling"));
    mkdirSync(join(root, "folder"));
    for (const path of ["link/file", "link", "dangling", "folder", "old/below"]) {
      await expect(place({ [path]: "x" }, { overwrite }), path).rejects.toMatchObject({ code: "USAGE" });
    }
    expect(readdirSync(outside)).toEqual([]);
    rmSync(outside, { recursive: true });
  });

  it.each(["../x", "/etc/x", "a//b", ".git/config", "a\nb"])("%j is never written", async (path) => {
    await expect(place({ [path]: "x" })).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(readdirSync(root)).toEqual(["old"]);
  });

  it("do not appear at all where one cannot be read, or what comes first fails", async () => {
    await expect(place({ a: "1", b: new Error("broken") })).rejects.toThrow("broken");
    const first = async () => {
      expect(existsSync(join(root, "a"))).toBe(false);
      throw new Error("first");
    };
    await expect(place({ a: "1" }, { first })).rejects.toThrow("first");
    expect(readdirSync(root)).toEqual(["old"]);
  });

  it("make the folder they go to", async () => {
    await place({ a: "1" }, { at: join(root, "new/folder") });
    expect(readFileSync(join(root, "new/folder/a"), "utf8")).toBe("1");
  });
});
