// A full disk, under the store, under what is pulled and under the state of the device; and clocks that jump.
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditVerified, Pushed, Verified } from "../../src/index.ts";
import { IS_ROOT, type Member, World } from "../acceptance/harness.ts";
import { ROOM } from "../operations/project.ts";
import { expectInvariants, objectsBelow } from "./invariants.ts";
import { expectClearError, readingKey } from "./real.ts";

const world = new World(ROOM);
const mounted: string[] = [];
let ana: Member;
let secret: string;

/** A disk of so many MB at a folder, with what lay there before on it; false where this machine lets nobody mount one. */
function mountAt(folder: string, megabytes: number): boolean {
  const aside = join(world.root, "aside");
  mkdirSync(folder, { recursive: true });
  cpSync(folder, aside, { recursive: true });
  const size = `size=${String(megabytes)}m,mode=700`;
  if (spawnSync("mount", ["-t", "tmpfs", "-o", size, "tmpfs", folder]).status !== 0) return false;
  mounted.push(folder);
  cpSync(aside, folder, { recursive: true });
  rmSync(aside, { recursive: true });
  return true;
}

function enlarge(folder: string): void {
  expect(spawnSync("mount", ["-o", "remount,size=400m", folder]).status).toBe(0);
}

function canMount(): boolean {
  const folder = join(world.root, "probe");
  if (!IS_ROOT || !mountAt(folder, 1)) return false;
  return spawnSync("umount", [folder]).status === 0 && mounted.pop() === folder;
}

const NO_MOUNT = canMount() ? "" : " (skipped: this user may mount no file system)";
const BYTES = 40_000_000;

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  ana.files("data", { "a.bin": randomBytes(BYTES), "b.csv": "small" });
  ana.files("little", { "a.csv": "one" });
  await ana.ok("push", "little", "--name", "little", "--class", "internal");
  secret = await readingKey(ana);
});

afterAll(() => {
  for (const folder of mounted) spawnSync("umount", ["-l", folder]);
});

describe.skipIf(NO_MOUNT !== "")(`a full disk${NO_MOUNT}`, () => {
  const push = ["push", "data", "--name", "data:one", "--class", "internal"];

  test("under the store: it says so, nothing is lost, and the same command works with more room", async () => {
    const { versions } = await expectInvariants(ana.store, secret);
    expect(mountAt(ana.store, 12)).toBe(true);
    const ended = await ana.cli(...push);
    expectClearError(ended, "push to a full store");
    expect(ended.err).toContain("the store is full");
    const known = versions.map(({ versionId }) => versionId);
    expect((await expectInvariants(ana.store, secret, known)).versions.length).toBe(1);
    expect(readdirSync(join(ana.store, ".tmp")), "no half of a pack takes up the room").toEqual([]);
    await ana.ok("list");
    enlarge(ana.store);
    known.push((await ana.json<Pushed>(...push)).versionId);
    expect((await expectInvariants(ana.store, secret, known)).versions.length).toBe(2);
  }, 120_000);

  test("where files are pulled to: it says so, leaves nothing, and the same command works with more room", async () => {
    const small = join(ana.folder, "small");
    expect(mountAt(small, 12)).toBe(true);
    const pull = ["pull", "data:one", "-o", "small/out"];
    const ended = await ana.cli(...pull);
    expectClearError(ended, "pull to a full disk");
    expect(ended.err).toContain("the disk is full");
    expect(existsSync(join(small, "out"))).toBe(false);
    enlarge(small);
    await ana.ok(...pull);
    expect((await ana.json<Verified>("verify", "small/out")).ok).toBe(true);
    expect(readdirSync(small)).toEqual(["out"]);
  }, 120_000);

  test("under the state of the device: an error that says what is full, or the right result; later all works", async () => {
    const home = join(ana.home, ".local");
    expect(mountAt(home, 2)).toBe(true);
    const filler = join(home, "filler");
    try {
      for (const size of [1_000_000, 4096, 1]) for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: "a" });
    } catch {}
    const commands = [
      ["push", "little", "--name", "little", "--class", "internal"],
      ["pull", "little:v1", "-o", "little-out"],
      ["list"],
    ];
    for (const args of commands) {
      const ended = await ana.cli(...args);
      if (ended.exit !== 0) {
        expectClearError(ended, args.join(" "));
        expect(ended.err, args.join(" ")).toMatch(/full|ENOSPC|space/);
      }
      await expectInvariants(ana.store, secret);
    }
    rmSync(filler);
    rmSync(join(ana.folder, "little-out"), { recursive: true, force: true });
    for (const args of commands) await ana.ok(...args);
    await expectInvariants(ana.store, secret);
  }, 120_000);
});

const FAKETIME = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
  .map((machine) => `/usr/lib/${machine}/faketime/libfaketimeMT.so.1`)
  .find((path) => existsSync(path));

describe.skipIf(!FAKETIME)(`clocks that jump${FAKETIME ? "" : " (skipped: no libfaketime)"}`, () => {
  test("days back and forth between commands, and an hour within one: the log goes on, and every version stands", async () => {
    const known: string[] = [];
    for (const [at, offset] of ["-20d", "+20d", "-1h", "+0 x3600", "+0"].entries()) {
      ana.files("clock", { "a.csv": `content ${String(at)}` });
      const args = ["push", "clock", "--name", "clock", "--class", "internal", "--json"];
      const env = { LD_PRELOAD: FAKETIME ?? "", FAKETIME: offset, FAKETIME_DONT_RESET: "1" };
      const ended = await ana.with({ env }, ...args);
      expect(ended.exit, `${offset}: ${ended.err}`).toBe(0);
      const pushed = JSON.parse(ended.out) as Pushed;
      expect(pushed.number).toBe(at + 1);
      known.push(pushed.versionId);
      await expectInvariants(ana.store, secret, known);
    }
    expect((await ana.json<AuditVerified>("audit", "verify")).ok).toBe(true);
    await ana.ok("pull", "clock:v1", "-o", "clock-out");
    expect(readFileSync(join(ana.folder, "clock-out/a.csv"), "utf8")).toBe("content 0");
    expect(objectsBelow(ana.store, "log").length).toBeGreaterThan(10);
  }, 120_000);
});
