import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DISK_BYTES, World } from "../../interop/escape/world.ts";
import { type Subject, titleOf } from "./subject.ts";

/** How every driver looks at single files of a workspace, and removes them. */
export function lookups(subject: Subject): void {
  describe.skipIf(!subject.works)(`what stands in a workspace of ${titleOf(subject)}`, () => {
    let folder: string;
    let world: World;
    const hash = (text: string) => createHash("sha256").update(text).digest("hex");

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
      world = await World.make(folder, "", {}, DISK_BYTES, "memory", subject.make());
      await world.sh(
        "mkdir -p a/b deep/er && echo one >a/one && echo two >'a/two words' && chmod +x a/one && " +
          "ln -s /etc/passwd link && ln -s a linked && mkfifo pipe && echo x >shut && chmod 0 shut && echo y >deep/er/file",
      );
    });

    afterAll(async () => {
      await world.end();
      rmSync(folder, { recursive: true, force: true });
    });

    test("is told by kind and digest; what is not there is left out", async () => {
      const paths = ["a/one", "a/two words", "a/b", "nothing", "a/one/below"];
      expect(await world.sandbox.lookUp(world.state, paths)).toEqual(
        new Map<string, unknown>([
          ["a/one", { kind: "executable", sha256: hash("one\n") }],
          ["a/two words", { kind: "file", sha256: hash("two\n") }],
          ["a/b", { kind: "directory" }],
        ]),
      );
      expect(await world.sandbox.lookUp(world.state, [])).toEqual(new Map());
    });

    test("is never read where it is a link, a pipe, or shut", async () => {
      const found = await world.sandbox.lookUp(world.state, ["link", "linked", "pipe", "shut"]);
      expect([...found.values()].map(({ kind }) => kind)).toEqual(["other", "other", "other", "other"]);
    });

    test.each(["../x", "/etc/passwd", "a//b", "a\nb", "-rf", ""])(
      "%j is no path to ask for or remove",
      async (path) => {
        await expect(world.sandbox.lookUp(world.state, [path])).rejects.toMatchObject({ code: "USAGE" });
        await expect(world.sandbox.remove(world.state, [path])).rejects.toMatchObject({ code: "USAGE" });
      },
    );

    test("is removed with folders that are empty then, and a link without what it leads to", async () => {
      await world.sandbox.remove(world.state, ["deep/er/file", "link", "a/two words", "nothing"]);
      expect((await world.sh("ls; ls a; ls /etc/passwd")).out).toBe("a\nlinked\npipe\nshut\nb\none\n/etc/passwd\n");
    });

    test("is found among thousands in one go", async () => {
      await world.sh("mkdir many; i=0; while [ $i -lt 3000 ]; do echo $i >many/$i; i=$((i+1)); done");
      const paths = Array.from({ length: 3000 }, (_, at) => `many/${String(at)}`);
      const found = await world.sandbox.lookUp(world.state, paths);
      expect(found.get("many/2999")).toEqual({ kind: "file", sha256: hash("2999\n") });
      expect(found.size).toBe(3000);
      await world.sandbox.remove(world.state, paths);
      expect((await world.sh("ls -d many")).exit).not.toBe(0);
    });
  });
}
