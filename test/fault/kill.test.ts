// kill -9 at any moment, with several commands at once: what was acknowledged stays, nothing is half, and the same command
// goes on where it was without moving again what is there.
import { randomBytes, randomInt } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Pushed, Verified } from "../../src/index.ts";
import { filesBelow, has, type Member, until, World } from "../acceptance/harness.ts";
import { ROOM } from "../operations/project.ts";
import { expectInvariants, objectsBelow } from "./invariants.ts";
import { acknowledged, counted, killAfter, readingKey } from "./real.ts";

const MB = 1_000_000;
const ROUNDS = 8;
/** A command takes less than this on an idle machine; some are killed before they begin, some not at all. */
const SPAN_MS = 1500;

const world = new World(ROOM);
let ana: Member;
let bo: Member;
let secret: string;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  secret = await readingKey(ana);
});

const pushed = (folder: string, name: string) => ["push", folder, "--name", name, "--class", "internal", "--json"];

test("pushers of one and of several artifacts and a reader, killed at random: the invariants hold after every round", async () => {
  ana.files("base", { "a.bin": randomBytes(5 * MB) });
  await ana.ok(...pushed("base", "shared"));
  const known: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const folder = `round-${String(round)}`;
    for (const member of [ana, bo]) {
      member.files(folder, {
        "a.bin": randomBytes(12 * MB),
        "b/c.csv": randomBytes(30_000),
        "b/d.csv": randomBytes(90),
      });
    }
    const commands: readonly (readonly [Member, readonly string[]])[] = [
      [ana, pushed(folder, "shared")],
      [bo, pushed(folder, "shared")],
      [ana, pushed(folder, `own-${String(round)}:one`)],
      [bo, ["pull", "shared:v1", "-o", `out-${String(round)}`, "--purpose", "modelling", "--json"]],
    ];
    const ends = await Promise.all(commands.map(([member, args]) => killAfter(member, args, randomInt(SPAN_MS))));
    const pushes = ends.slice(0, 3).map((end) => acknowledged<Pushed>(end));
    known.push(...pushes.flatMap((push) => (push ? [push.versionId] : [])));
    const { versions } = await expectInvariants(ana.store, secret, known);
    const before = versions.length;
    // The same commands again, those that had not ended.
    let missing = 0;
    for (const [at, [member, args]] of commands.entries()) {
      if (ends[at]?.exit === 0) continue;
      // A pull that was killed after its folder appeared did all but log it: a folder that is there is never written to.
      if (at === 3 && existsSync(join(bo.folder, `out-${String(round)}`))) continue;
      const again = JSON.parse((await member.ok(...args)).out) as Pushed;
      if (at < 3) known.push(again.versionId);
      if (at < 3) missing++;
    }
    const after = await expectInvariants(ana.store, secret, known);
    // Whoever was killed after the last entry of the log finds the version there: none is made twice.
    expect(after.versions.length).toBeLessThanOrEqual(before + missing);
    expect(after.versions.length).toBe(1 + 3 * (round + 1));
    const verified = await bo.json<Verified>("verify", `out-${String(round)}`);
    expect(verified.ok).toBe(true);
  }
  for (const member of [ana, bo]) {
    const state = filesBelow(join(member.home, ".local/state/cloister"));
    expect(state.filter((path) => path.includes("/pushes/") && !path.endsWith(".lock"))).toEqual([]);
    expect(readdirSync(member.folder).filter((name) => name.startsWith(".cloister-restore"))).toEqual([]);
  }
}, 240_000);

/** Bytes of content that the journal of a pull says were written: a header of 48 bytes, then records of 12. */
function notedIn(journal: string): number {
  const bytes = readFileSync(journal);
  let noted = 0;
  for (let at = 48; at + 12 <= bytes.length; at += 12) noted += bytes.readUInt32BE(at + 4);
  return noted;
}

describe.skipIf(!has("strace"))(`the same command again${has("strace") ? "" : " (skipped: no strace)"}`, () => {
  const PACK = 64 * 1024 * 1024;
  const size = 4 * PACK;

  test("a push stores nothing again that was stored when it was killed", async () => {
    ana.files("large", { "a.bin": randomBytes(size - 10 * MB), "b.bin": randomBytes(10 * MB) });
    const packs = () => objectsBelow(ana.store, "packs").length;
    const before = packs();
    const command = pushed("large", "large:one");
    const running = ana.start(command);
    await until("two packs", 60_000, () => packs() >= before + 2);
    // The journal is written a moment after the pack has its name.
    await new Promise((resolve) => setTimeout(resolve, 50));
    running.child.kill("SIGKILL");
    expect((await running.ended).exit).toBe("SIGKILL");
    const stored = packs() - before;
    await expectInvariants(ana.store, secret);

    const { ended, packsWritten } = await counted(ana, command);
    const result = acknowledged<Pushed>(ended);
    expect(result, ended.err).toMatchObject({ number: 1, resumed: true, files: 2 });
    const { versions } = await expectInvariants(ana.store, secret, [result?.versionId ?? ""]);
    const used = versions.at(-1)?.packs.length ?? 0;
    // The last pack may have got its name before the journal knew of it: that one, and no more, is stored again.
    expect(packsWritten).toBeLessThan(1.02 * (size - (stored - 1) * PACK));
    expect(used).toBeLessThanOrEqual(6);
  }, 120_000);

  test("a pull that was killed leaves no target, and the same command fetches nothing again that it had noted", async () => {
    const command = ["pull", "large:one", "-o", "again", "--purpose", "modelling", "--json"];
    const running = ana.start(command);
    const staged = () => readdirSync(ana.folder).filter((name) => name.startsWith(".cloister-"));
    const bytes = () =>
      staged()
        .flatMap((name) => filesBelow(join(ana.folder, name)).map((file) => join(ana.folder, name, file)))
        .reduce((sum, file) => sum + (statSync(file, { throwIfNoEntry: false })?.blocks ?? 0) * 512, 0);
    await until("half of the content", 60_000, () => bytes() > size / 2);
    running.child.kill("SIGKILL");
    expect((await running.ended).exit).toBe("SIGKILL");
    expect(readdirSync(ana.folder)).not.toContain("again");
    const [left = ""] = staged();
    const kept = notedIn(join(ana.folder, left, "journal"));
    // What was written and is not noted yet are a few batches under way.
    expect(kept).toBeGreaterThan(size / 2 - 32 * MB);
    const { ended, packsRead } = await counted(ana, command);
    expect(acknowledged(ended), ended.err).toMatchObject({ name: "large" });
    expect((await ana.json<Verified>("verify", "again")).ok).toBe(true);
    expect(staged()).toEqual([]);
    expect(packsRead).toBeLessThan(1.02 * size - kept + 2 * MB);
  }, 120_000);
});
