// What garbage collection condemns, leaves alone and deletes.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../../src/operations/host.ts";
import { proposePolicy } from "../../../src/operations/policy/change.ts";
import { collectGarbage } from "../../../src/operations/store/gc.ts";
import { GARBAGE_TIMES } from "../../../src/operations/store/times.ts";
import type { Store } from "../../../src/store/store.ts";
import { Crash, FaultyStore } from "../../fault/faulty-store.ts";
import { copyOf, hostIn, scratch, sessionOf } from "../project.ts";
import { end, NO_WAIT, objectsIn, projectWithGarbage, pushText, requireWhole, sessionAt } from "./garbage.ts";

let base: string;
/** Incompressible, so that each version needs a pack of its own. */
const content = randomBytes(300_000);

beforeAll(async () => {
  base = scratch();
  const ana = await projectWithGarbage(base);
  await pushText(ana, "kept", content);
  await pushText(ana, "ended", randomBytes(300_000));
  await end(ana, "ended:v1");
});

function fresh(): { folder: string; ana: Host } {
  const folder = copyOf(base);
  return { folder, ana: hostIn(folder, "ana") };
}

const run = async (host: Host, times = NO_WAIT) => {
  // A file system's clock goes in steps of some milliseconds.
  await setTimeout(20);
  return collectGarbage(await sessionAt(host, times), { yes: true });
};

describe("collectGarbage", () => {
  it("only looks unless it is told to act", async () => {
    const { folder, ana } = fresh();
    const before = objectsIn(folder, "");
    const looked = await collectGarbage(await sessionAt(ana, NO_WAIT), {});
    expect(looked).toMatchObject({ dryRun: true, condemned: { packs: 1, parts: 1 }, needed: { packs: 1, parts: 3 } });
    expect(looked.deleted).toEqual({ packs: 0, parts: 0, bytes: 0 });
    expect(objectsIn(folder, "")).toEqual(before);
  });

  it("condemns in one run and deletes in a later one, what a version needs never", async () => {
    const { folder, ana } = fresh();
    const packs = objectsIn(folder, "packs");
    const first = await run(ana);
    expect(first).toMatchObject({ condemned: { packs: 1, parts: 1 }, deleted: { packs: 0 }, complete: true });
    expect(first.logEntry).toBeGreaterThan(0);
    expect(objectsIn(folder, "packs")).toEqual(packs);
    expect(objectsIn(folder, "condemned")).toHaveLength(2);
    expect(await requireWhole(ana)).toBe(1);

    const second = await run(ana);
    expect(second).toMatchObject({ condemned: { packs: 0 }, deleted: { packs: 1, parts: 1 } });
    expect(second.deleted.bytes).toBeGreaterThan(300_000);
    expect(objectsIn(folder, "packs")).toHaveLength(1);
    expect(objectsIn(folder, "condemned")).toEqual([]);
    expect(await requireWhole(ana)).toBe(1);
    // The record of what is gone stays: its number is not given again.
    expect(objectsIn(folder, "versions")).toHaveLength(2);
    expect((await pushText(ana, "ended", "again")).number).toBe(2);
  });

  it("logs counts and digests, and nothing where there is nothing to do", async () => {
    const { ana } = fresh();
    await run(ana);
    await run(ana);
    const { ledger, sync } = await sessionOf(ana);
    await sync();
    const done = ledger.events.filter(({ event }) => event.action === "store.gc" && event.phase === "done");
    expect(done.map(({ event }) => event.facts)).toMatchObject([
      { condemned: { packs: 1, parts: 1, list: expect.stringMatching(/^[0-9a-f]{64}$/) }, complete: true },
      { deleted: { packs: 1, parts: 1 }, complete: true },
    ]);
    expect((await run(ana)).logEntry).toBeUndefined();
  });

  it("waits as long as it should by the store's clock, and says until when", async () => {
    const { folder, ana } = fresh();
    const times = { ...NO_WAIT, waitMs: 3_600_000 };
    await run(ana, times);
    const again = await run(ana, times);
    expect(again).toMatchObject({ waiting: { packs: 1, parts: 1 }, deleted: { packs: 0 } });
    expect(Date.parse(again.nextDue ?? "")).toBeGreaterThan(Date.now() + 3_500_000);
    expect(objectsIn(folder, "packs")).toHaveLength(2);
  });

  it("leaves what is young alone: an unfinished push may still need it", async () => {
    const { folder, ana } = fresh();
    const pack = `packs/churn/internal/ab/ab${"0".repeat(30)}`;
    const store = (await sessionOf(ana)).store;
    await store.create(pack, [Buffer.alloc(4096)]);
    const looked = await collectGarbage(await sessionAt(ana, GARBAGE_TIMES), {});
    // What a version once needed is no unfinished push's.
    expect(looked).toMatchObject({ fresh: { packs: 1 }, condemned: { packs: 1, parts: 1 } });
    await run(ana);
    await run(ana);
    expect(objectsIn(folder, pack)).toEqual([]);
    expect(existsSync(join(folder, "store", pack))).toBe(false);
  });

  it("takes a push that was killed for garbage, and a later push of the same finds its way", async () => {
    const { folder, ana } = fresh();
    const crash = await pushCrashing(ana, "lost", (call) => call.startsWith("create versions/"));
    expect(crash).toBeInstanceOf(Crash);
    const first = await run(ana);
    // The pack, the seal and both wraps; and what was ended.
    expect(first.condemned).toMatchObject({ packs: 2, parts: 4 });
    await run(ana);
    expect(objectsIn(folder, "packs")).toHaveLength(1);
    const again = await pushText(ana, "lost", readFileSync(join(ana.cwd, "files/lost")));
    expect(again.number).toBe(1);
    expect(await requireWhole(ana)).toBe(2);
  });

  it("lets no resumed push log a record whose parts are gone", async () => {
    const { ana } = fresh();
    // Its record came to lie there, and was not logged.
    const crash = await pushCrashing(ana, "late", (call) => call.startsWith("create log/"), 2);
    expect(crash).toBeInstanceOf(Crash);
    await run(ana);
    await run(ana);
    await pushText(ana, "late", readFileSync(join(ana.cwd, "files/late")));
    expect(await requireWhole(ana)).toBe(2);
  });

  it.each([
    ["before its record is written", "versions/"],
    ["when its last entry is prepared", "log/commit/"],
  ])("a push that is held up %s is not logged without looking again", async (_, held) => {
    const { folder, ana } = fresh();
    const times = { freshMs: 0, waitMs: 300, relyMs: 100 };
    const collect = () => run(ana, { ...times, relyMs: 60_000 });
    let deleted = 0;
    const holdUp = async (): Promise<void> => {
      await collect();
      await setTimeout(times.waitMs);
      deleted = (await collect()).deleted.packs;
    };
    const bytes = randomBytes(200_000);
    // The first entry of the log is the intent, the second would make it a version.
    const session = await sessionAt(ana, times, (store) =>
      holdingUp(store, held, held === "versions/" ? 1 : 2, holdUp),
    );
    await expect(pushText(ana, "slow", bytes, session)).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringContaining("garbage collection"),
    });
    // What it had stored, and what nobody needed anyway.
    expect(deleted).toBe(2);
    expect(await requireWhole(ana)).toBe(1);
    expect((await pushText(ana, "slow", bytes)).number).toBe(1);
    expect(await requireWhole(ana)).toBe(2);
    expect(objectsIn(folder, "packs")).toHaveLength(2);
  });

  it("stops where it cannot be known what a version needs, and goes on once the version is ended", async () => {
    const { folder, ana } = fresh();
    await pushText(ana, "broken", randomBytes(1000));
    const [record] = objectsIn(folder, "versions").filter((name) => !objectsIn(base, "versions").includes(name));
    rmSync(join(folder, "store", record ?? ""));
    const before = objectsIn(folder, "");
    await expect(run(ana)).rejects.toMatchObject({
      code: "INTEGRITY",
      why: expect.stringContaining("pushed by ana"),
      next: expect.stringContaining("store repair"),
    });
    expect(objectsIn(folder, "condemned")).toEqual([]);
    expect(before.filter((name) => !objectsIn(folder, "").includes(name))).toEqual([]);
    await end(ana, "broken:v1");
    expect((await run(ana)).condemned.packs).toBe(2);
    await run(ana);
    expect(objectsIn(folder, "packs")).toHaveLength(1);
    expect(await requireWhole(ana)).toBe(1);
  });

  it("does not delete by a mark that is junk or dated ahead, nor touch names of no meaning", async () => {
    const { folder, ana } = fresh();
    await run(ana);
    const [junk, ahead] = objectsIn(folder, "condemned");
    for (const [name, text] of [
      [junk, "junk"],
      [ahead, JSON.stringify({ cloister: "condemned@1", sinceMs: Date.now() + 86_400_000 })],
    ] as const) {
      rmSync(join(folder, "store", name ?? ""));
      writeFileSync(join(folder, "store", name ?? ""), text);
    }
    writeFileSync(join(folder, "store/packs/churn/internal/odd"), "");
    const second = await run(ana);
    expect(second).toMatchObject({ deleted: { packs: 0, parts: 0 }, strange: 1 });
    expect(second.odd).toHaveLength(2);
    expect(objectsIn(folder, "packs")).toHaveLength(3);
  });

  it("removes temporary files that are old, and only those", async () => {
    const { folder, ana } = fresh();
    const [old, young] = [join(folder, "store/.tmp/old"), join(folder, "store/.tmp/young")];
    writeFileSync(old, "1234");
    writeFileSync(young, "1");
    const looked = await collectGarbage(await sessionAt(ana, GARBAGE_TIMES), {});
    expect(looked.unfinished).toEqual({ count: 0, bytes: 0 });
    const all = await run(ana);
    expect(all.unfinished).toEqual({ count: 2, bytes: 5 });
    expect(existsSync(old)).toBe(false);
  });

  it("two runs at once do what one does", async () => {
    const { folder, ana } = fresh();
    const both = () => Promise.all([run(ana), run(hostIn(folder, "ana"))]);
    await both();
    expect(objectsIn(folder, "condemned")).toHaveLength(2);
    await both();
    expect(objectsIn(folder, "condemned")).toEqual([]);
    expect(objectsIn(folder, "packs")).toHaveLength(1);
    expect(await requireWhole(ana)).toBe(1);
  });

  it("is for those whose policy lets them, and a refusal is on record", async () => {
    const { folder, ana } = fresh();
    const file = join(ana.cwd, "cloister.policy.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(" store.gc,", ""));
    await proposePolicy(await sessionOf(ana), {});
    await expect(collectGarbage(await sessionAt(ana, NO_WAIT), {})).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await expect(run(ana)).rejects.toMatchObject({ code: "POLICY_DENIED", logEntry: expect.any(Number) });
    expect(objectsIn(folder, "condemned")).toEqual([]);
  });
});

/** Pushes with a store that dies at the `nth` operation that fits. */
async function pushCrashing(host: Host, name: string, fits: (call: string) => boolean, nth = 1): Promise<unknown> {
  const bytes = randomBytes(200_000);
  const counting: FaultyStore[] = [];
  const probe = hostIn(copyOf(join(host.cwd, "..")), "ana");
  await pushText(
    probe,
    name,
    bytes,
    await sessionAt(probe, GARBAGE_TIMES, (store) => (counting[0] = new FaultyStore(store))),
  );
  const calls = counting[0]?.calls ?? [];
  const at = calls.map((call, index) => (fits(call) ? index + 1 : 0)).filter((index) => index > 0)[nth - 1] ?? 0;
  expect(at).toBeGreaterThan(0);
  const dying = await sessionAt(host, GARBAGE_TIMES, (store) => new FaultyStore(store, "crash", at));
  return pushText(host, name, bytes, dying).catch((error: unknown) => error);
}

/** A store in which the `nth` object under a prefix is created only when something else has happened. */
function holdingUp(store: Store, prefix: string, nth: number, first: () => Promise<void>): Store {
  let seen = 0;
  return {
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (under) => store.list(under),
    delete: (name) => store.delete(name),
    now: () => store.now(),
    create: async (name, parts) => {
      if (name.startsWith(prefix) && ++seen === nth) await first();
      return store.create(name, parts);
    },
  };
}
