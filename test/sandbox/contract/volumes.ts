import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { FileEntry } from "../../../src/base/file-entry.ts";
import type { VolumeKind } from "../../../src/sandbox/sandbox.ts";
import { DISK_BYTES, files, World } from "../../interop/escape/world.ts";
import { type Subject, titleOf } from "./subject.ts";

/** What every driver does with a workspace's files. */
export function volumes(subject: Subject, volume: VolumeKind = "memory"): void {
  describe.skipIf(!subject.works)(`the volume of a workspace of ${titleOf(subject)}, ${volume}`, () => {
    let folder: string;
    let world: World;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
      world = await World.make(folder, "", {}, DISK_BYTES, volume, subject.make());
    });

    beforeEach(async () => {
      await world.sh("chmod -R u+rwx /workspace; rm -rf /workspace/* /workspace/.[!.]*");
    });

    afterAll(async () => {
      await world.end();
      rmSync(folder, { recursive: true, force: true });
    });

    const entry = (path: string, kind: FileEntry["kind"], text = ""): FileEntry => ({
      path,
      kind,
      bytes: Buffer.byteLength(text),
      read: async function* () {
        yield Buffer.from(text);
      },
    });

    async function* list(...entries: FileEntry[]): AsyncGenerator<FileEntry> {
      yield* entries;
    }

    async function collected(path: string) {
      const found: [string, string, number, string][] = [];
      for await (const file of world.sandbox.collect(world.state, path)) {
        let text = "";
        for await (const chunk of file.read()) text += Buffer.from(chunk).toString();
        found.push([file.path, file.kind, file.bytes, text]);
      }
      return found;
    }

    const shown = async (input: string, script: string) =>
      (await world.run(["sh", "-c", script], world.state, { inputs: [{ source: input, path: "/inputs/x" }] })).out;

    test("what is filled in comes out the same, in the byte order of whole paths", async () => {
      const long = `${"d".repeat(200)}/${"f".repeat(200)}`;
      const entries = [
        entry("a.txt", "file", "1"),
        entry("a/b", "executable", "#!/bin/sh\n"),
        entry(long, "file", "long"),
        entry("empty", "directory"),
        entry("zero", "file"),
        entry("\u{1f600}/ü", "file", "é"),
        entry("\uff5e", "file", "before astral ones in UTF-8"),
      ];
      await world.sandbox.fill(world.state, "workspace", list(...entries));
      expect(await collected("/workspace")).toEqual([
        ["a.txt", "file", 1, "1"],
        ["a/b", "executable", 10, "#!/bin/sh\n"],
        [long, "file", 4, "long"],
        ["empty", "directory", 0, ""],
        ["zero", "file", 0, ""],
        ["\uff5e", "file", 27, "before astral ones in UTF-8"],
        ["\u{1f600}/ü", "file", 2, "é"],
      ]);
      expect(await world.measure()).toEqual({ files: 6, bytes: 44 });
    });

    test("a file is collected by its base name, a folder relative to itself, nothing as nothing", async () => {
      await world.sh("mkdir -p out/deep none; echo 1 >out/deep/f");
      expect(await collected("out/deep/f")).toEqual([["f", "file", 2, "1\n"]]);
      expect(await collected("./out/")).toEqual([["deep/f", "file", 2, "1\n"]]);
      expect(await collected("/workspace/out/deep")).toEqual([["f", "file", 2, "1\n"]]);
      expect(await collected("none")).toEqual([]);
      for (const path of ["nothing", "out/nothing", "out/deep/f/g"]) {
        await expect(collected(path)).rejects.toMatchObject({ code: "NOT_FOUND" });
      }
    });

    test("what is collected need not be read", async () => {
      await world.sh("mkdir out; for n in 1 2 3; do head -c 300000 /dev/zero >out/$n; done");
      const paths: string[] = [];
      for await (const file of world.sandbox.collect(world.state, "out")) paths.push(file.path);
      expect(paths).toEqual(["1", "2", "3"]);
      for await (const file of world.sandbox.collect(world.state, "out")) {
        expect(file.path).toBe("1");
        break;
      }
    });

    test("a file that may not be read is an error, not left out", async () => {
      await world.sh("mkdir -p out/shut; echo 1 >out/f; echo 2 >out/shut/g; chmod 0 out/f");
      await expect(collected("out")).rejects.toMatchObject({ code: "FAILURE", why: expect.stringContaining("f: ") });
      await world.sh("chmod 600 out/f; chmod 0 out/shut");
      await expect(collected("out")).rejects.toMatchObject({ code: "FAILURE" });
      expect(await world.measure()).toEqual({ files: 2, bytes: 4 });
    });

    test("a workspace that shuts itself is still counted", async () => {
      await world.sh("mkdir -p a/b; echo 1 >a/b/c; chmod 0 a/b a /workspace");
      await expect(collected("a")).rejects.toMatchObject({ code: "FAILURE" });
      expect(await world.measure()).toEqual({ files: 1, bytes: 2 });
      expect((await world.sh("cat a/b/c")).out).toBe("1\n");
    });

    test("a sparse file is its whole content", async () => {
      await world.sh("truncate -s 1000000 sparse; printf end >>sparse");
      const [[path, , bytes, text] = ["", "", 0, ""]] = await collected("sparse");
      expect([path, bytes, text.length, text.endsWith("\0end")]).toEqual(["sparse", 1_000_003, 1_000_003, true]);
    });

    // The size of an encrypted one is only watched, see encrypted-volume/size.ts.
    test.runIf(volume === "memory")(
      "an input that does not fit is refused by name and size, and leaves nothing",
      async () => {
        const large = "x".repeat(DISK_BYTES);
        const filling = world.sandbox.fill(world.state, { input: "large" }, files({ a: "1", large, more: large }));
        await expect(filling).rejects.toMatchObject({
          code: "FAILURE",
          message: "input large does not fit into the workspace",
          why: expect.stringMatching(/16\.8 MB \(--disk\)/),
        });
        expect(await shown("data", "df --output=used /workspace | tail -n 1")).toMatch(/^\s*\d{1,3}\n$/);
        await world.sandbox.fill(world.state, { input: "large" }, files({ a: "small now" }));
        expect(await shown("large", "cat /inputs/x/*")).toBe("small now");
      },
    );

    test("an input whose source fails is not there, and can be filled again", async () => {
      async function* broken(): AsyncGenerator<FileEntry> {
        yield entry("first", "file", "1");
        throw new Error("the source broke");
      }
      const filling = world.sandbox.fill(world.state, { input: "broken" }, broken());
      await expect(filling).rejects.toThrow("the source broke");
      await expect(shown("broken", "ls /inputs/x")).rejects.toMatchObject({ code: "FAILURE" });
      await world.sandbox.fill(world.state, { input: "broken" }, files({ second: "2" }));
      expect(await shown("broken", "ls /inputs/x")).toBe("second\n");
    });

    test("a file that is longer or shorter than it said is refused", async () => {
      for (const [index, bytes] of [1, 5].entries()) {
        const wrong = { ...entry("f", "file", "abc"), bytes };
        const filling = world.sandbox.fill(world.state, { input: `wrong${String(index)}` }, list(wrong));
        await expect(filling).rejects.toMatchObject({ code: "FAILURE", message: "f changed while it was read" });
        await expect(shown(`wrong${String(index)}`, "ls")).rejects.toMatchObject({ code: "FAILURE" });
      }
    });

    test("hostile paths and names are refused before they are unpacked", async () => {
      for (const path of ["../x", "/etc/x", "a/../../x", "-rf", ".git/hooks", "a\0b"]) {
        const filling = world.sandbox.fill(world.state, { input: "hostile" }, list(entry(path, "file", "x")));
        await expect(filling).rejects.toMatchObject({ code: "FAILURE" });
      }
      for (const input of ["..", ".", "a/b", "-x", "", "A"]) {
        const filling = world.sandbox.fill(world.state, { input }, list(entry("f", "file", "x")));
        await expect(filling).rejects.toMatchObject({ code: "USAGE" });
      }
    });

    test("an input is filled once", async () => {
      const filling = world.sandbox.fill(world.state, { input: "data" }, files({ "table.csv": "other" }));
      await expect(filling).rejects.toMatchObject({ code: "USAGE", message: "input data is in the workspace already" });
      expect(await shown("data", "cat /inputs/x/table.csv")).toBe("a,b\n1,2\n");
    });

    test("code that is filled in later does not follow links that were planted", async () => {
      await world.sh(`ln -s "$1" planted; ln -s /inputs/data inputs`, folder);
      await world.sandbox.fill(world.state, "workspace", files({ planted: "replaced" }));
      expect((await world.sh("cat planted; test ! -L planted")).out).toBe("replaced");
      const through = world.sandbox.fill(world.state, "workspace", files({ "inputs/table.csv": "stolen" }));
      await through.catch(() => undefined);
      expect(await shown("data", "cat /inputs/x/table.csv")).toBe("a,b\n1,2\n");
    });
  });
}
