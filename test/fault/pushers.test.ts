// Sixteen processes push to one artifact at once, and files change while they are read: nobody's version is lost.
import { randomBytes } from "node:crypto";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import type { Listing, Pushed } from "../../src/index.ts";
import { type Member, World } from "../acceptance/harness.ts";
import { ROOM } from "../operations/project.ts";
import { expectInvariants } from "./invariants.ts";
import { expectClearError, readingKey } from "./real.ts";

const PUSHERS = 16;

const world = new World(ROOM);
let ana: Member;
let bo: Member;
let secret: string;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  secret = await readingKey(ana);
});

test("sixteen pushers of one artifact: sixteen versions, numbers without a gap, each with its own content", async () => {
  const pushes = Array.from({ length: PUSHERS }, async (_, at) => {
    const member = at % 2 === 0 ? ana : bo;
    const content = `${String(at)} ${randomBytes(50_000).toString("hex")}`;
    member.files(`mine-${String(at)}`, { "a.txt": content });
    const pushed = await member.json<Pushed>("push", `mine-${String(at)}`, "--name", "shared", "--class", "internal");
    return { ...pushed, content: sha256Hex(content) };
  });
  const pushed = await Promise.all(pushes);
  const numbers = Array.from({ length: PUSHERS }, (_, at) => at + 1);
  expect(pushed.map(({ number }) => number).sort((a, b) => a - b)).toEqual(numbers);
  const { versions, open } = await expectInvariants(
    ana.store,
    secret,
    pushed.map(({ versionId }) => versionId),
  );
  expect(versions.map(({ number }) => number)).toEqual(numbers);
  for (const { versionId, content } of pushed) {
    expect(versions.find((version) => version.versionId === versionId)?.files.get("a.txt")).toBe(content);
  }
  expect(open).toEqual([]);
  const listing = await bo.json<Listing>("list", "shared");
  expect([listing.versions.length, listing.ignored]).toEqual([PUSHERS, []]);
}, 240_000);

test.each([
  ["large", 40_000_000],
  ["small", 400_000],
])(
  "a %s file that changes while it is read: no version, a clear error, and it works when it is quiet",
  async (name, bytes) => {
    const folder = join(ana.folder, name);
    mkdirSync(folder);
    const file = join(folder, "growing.bin");
    writeFileSync(file, randomBytes(bytes));
    for (let at = 0; at < 40; at++) writeFileSync(join(folder, `quiet-${String(at)}`), randomBytes(bytes / 100));
    const before = await expectInvariants(ana.store, secret);
    const writer = setInterval(() => appendFileSync(file, "more"), 1);
    const push = ["push", name, "--name", name, "--class", "internal"];
    const ended = await ana.cli(...push);
    clearInterval(writer);
    const { versions } = await expectInvariants(ana.store, secret);
    if (ended.exit !== 0) {
      expectClearError(ended, name);
      expect(ended.err).toMatch(/changed while/);
      expect(versions.length).toBe(before.versions.length);
    } else {
      // A small file may be read between two changes; then it is what it was at that moment.
      expect(bytes).toBeLessThan(1_000_000);
      expect(versions.length).toBe(before.versions.length + 1);
    }
    await ana.ok(...push);
    await expectInvariants(ana.store, secret);
  },
  120_000,
);
