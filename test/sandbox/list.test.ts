import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Listing } from "../../src/sandbox/files/listing.ts";
import { World } from "../interop/escape/world.ts";
import { REASON, WORKS } from "./here.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe.skipIf(!WORKS)(`what a command left${REASON}`, () => {
  let folder: string;
  let world: World;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
    world = await World.make(folder, "");
  });

  afterAll(async () => {
    await world.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const list = () => world.sandbox.list(world.state, "kept");
  const changed = (before: Listing, after: Listing) =>
    [...after.entries].filter(([path, { state }]) => before.entries.get(path)?.state !== state).map(([path]) => path);

  test("files of every folder that is kept, whatever their names; inputs are not among them", async () => {
    const before = await list();
    await world.sh(
      `printf hi > a; mkdir -p 'd e'; printf x > 'd e/tab\tline
end'; ln -s /etc/passwd link; mkfifo pipe; : > ~/h; : > /tmp/t; : > /var/tmp/v; : > /dev/shm/s; printf y > "$(printf '\\377')"`,
    );
    const after = await list();
    expect(changed(before, after).sort()).toEqual(
      [
        "home/h",
        "shm/s",
        "tmp/t",
        "vartmp/v",
        "work/a",
        "work/d e/tab\tline\nend",
        "work/link",
        "work/pipe",
        "work/\\xff",
      ].sort(),
    );
    expect(after.whole).toBe(true);
    expect(after.entries.get("work/a")).toMatchObject({ bytes: 2, isFile: true });
    expect(after.entries.get("work/link")?.isFile).toBe(false);
  });

  test("a change that keeps size and time of modification is one, and a touch that changes nothing inside", async () => {
    await world.sh("printf one > same; touch -d @1000000000 same");
    const before = await list();
    await world.sh("printf two > same; touch -d @1000000000 same");
    const after = await list();
    expect(changed(before, after)).toEqual(["work/same"]);
    await world.sh("cat same a > /dev/null");
    expect(changed(after, await list())).toEqual([]);
  });

  test("a folder that cannot be looked into is no secret: the listing is not whole", async () => {
    await world.sh("mkdir shut; : > shut/x; chmod 0 shut");
    expect(await list()).toMatchObject({ whole: false, problem: expect.stringContaining("work/shut") });
    await world.sh("chmod 700 shut");
    expect((await list()).whole).toBe(true);
  });

  test("what the workspace's code shut is opened where /workspace alone is listed", async () => {
    await world.sh("mkdir -p closed/deep; printf x > closed/deep/x; chmod 0 closed/deep closed");
    const { entries, whole } = await world.sandbox.list(world.state, "workspace");
    expect(entries.get("closed/deep/x")).toMatchObject({ bytes: 1, isFile: true });
    expect(whole).toBe(true);
  });

  test("digests of what can be read; links and pipes lead nowhere and hold up nothing", async () => {
    await world.sh(
      "printf hi > a; printf no > locked; chmod 0 locked; ln -sf /run/secrets out; ln -sf ../../etc/hostname up",
    );
    const names = ["a", "d e/tab\tline\nend", "locked", "none", "up", "-x"];
    const digests = await world.sandbox.digest(world.state, names);
    expect(Object.fromEntries(digests)).toEqual({ a: sha256("hi"), "d e/tab\tline\nend": sha256("x") });
    await world.sh("rm -f a; chmod 600 locked; rm locked");
  });

  test("deep trees and many files", { timeout: 60_000 }, async () => {
    await world.perl('for (1 .. 300) { mkdir "d" x 100; chdir "d" x 100 } open my $f, ">", "deep"; print $f "x"');
    const before = await list();
    expect(before.whole).toBe(true);
    expect([...before.entries.keys()].some((path) => path.endsWith("/deep") && path.length > 30_000)).toBe(true);
    await world.sh("rm -rf ddd*; mkdir many; cd many; seq 3000 | xargs touch");
    expect(changed(before, await list())).toHaveLength(3000);
    await world.sh("rm -rf many");
  });
});
