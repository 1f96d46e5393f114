// Power is lost at every moment of a push: what was acknowledged survives, what was not leaves at most garbage, and the
// same command then works. The moments come from a real run, recorded by strace.
import { randomBytes } from "node:crypto";
import { cpSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Pushed } from "../../src/index.ts";
import { has, type Member, start, World } from "../acceptance/harness.ts";
import { ROOM } from "../operations/project.ts";
import { expectInvariants, inspect, objectsBelow } from "./invariants.ts";
import { afterPowerLoss, type Call, readCalls, rebuild } from "./power-loss.ts";
import { readingKey } from "./real.ts";

const world = new World(ROOM);
const before = join(world.root, "before");
const lost = join(world.root, "lost");
let ana: Member;
let secret: string;

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  secret = await readingKey(ana);
  ana.files("data", { "a.bin": randomBytes(3_000_000), "b/c.csv": "small" });
});

/** Runs a push and gives back every call that changed the store. */
async function recorded(
  args: readonly string[],
): Promise<{ readonly calls: readonly Call[]; readonly pushed: Pushed }> {
  rmSync(before, { recursive: true, force: true });
  cpSync(ana.store, before, { recursive: true });
  const log = join(world.root, "calls");
  const kinds = "trace=fsync,fdatasync,link,linkat,mkdir,mkdirat,write";
  const strace = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", kinds, "-e", "signal=none", "-o", log];
  const { exit, out, err } = await start([...strace, process.execPath, ...ana.argv(args)], ana.env, { cwd: ana.folder })
    .ended;
  expect(exit, err).toBe(0);
  return { calls: readCalls(log, ana.store), pushed: JSON.parse(out) };
}

describe.skipIf(!has("strace"))(`power loss${has("strace") ? "" : " (skipped: no strace)"}`, () => {
  test("at every moment of a push: nothing acknowledged is missing, nothing is half, and the next push works", async () => {
    const args = ["push", "data", "--name", "cohort:one", "--class", "internal", "--json"];
    const { calls, pushed } = await recorded(args);
    const said = calls.findIndex(({ kind }) => kind === "said");
    expect(said).toBeGreaterThan(20);
    const links = calls.filter(({ kind }) => kind === "link").length;
    expect(objectsBelow(ana.store, "").length - objectsBelow(before, "").length).toBeLessThanOrEqual(links);
    const moments = new Set<number>();
    for (const unsynced of ["lost", "named"] as const) {
      for (let moment = 0; moment <= calls.length; moment++) {
        if (moment > 0 && calls[moment - 1]?.kind === "said" && moment < calls.length) continue;
        rebuild(lost, before, ana.store, afterPowerLoss(calls.slice(0, moment), unsynced));
        const acknowledged = moment > said ? [pushed.versionId] : [];
        const where = `${unsynced} after ${JSON.stringify(calls[moment - 1])}`;
        const { problems, versions } = await inspect(lost, secret);
        expect({ where, problems }).toEqual({ where, problems: [] });
        expect(
          versions.map(({ versionId }) => versionId),
          where,
        ).toEqual(expect.arrayContaining(acknowledged));
        moments.add(versions.length);
      }
    }
    // The model is none that always loses everything, or nothing.
    expect([...moments].sort()).toEqual([0, 1]);
    await goesOn(calls, args);
  }, 240_000);

  /** The same command on some of the stores that power loss left. */
  async function goesOn(calls: readonly Call[], args: readonly string[]): Promise<void> {
    for (const share of [0.3, 0.6, 0.9]) {
      const twin = world.twin(ana);
      rmSync(twin.store, { recursive: true });
      rebuild(lost, before, ana.store, afterPowerLoss(calls.slice(0, Math.floor(calls.length * share)), "lost"));
      renameSync(lost, twin.store);
      // The device lost what it had noted, too.
      rmSync(join(twin.home, ".local"), { recursive: true, force: true });
      const again = await twin.json<Pushed>(...args.slice(0, -1));
      expect(again.number).toBe(1);
      await expectInvariants(twin.store, secret, [again.versionId]);
    }
  }
});

test("the model itself: bytes count from their fsync on, names from that of their folder on", () => {
  const link: Call = { kind: "link", from: "/s/.tmp/x", to: "/s/a/name" };
  const file: Call = { kind: "sync", path: "/s/.tmp/x" };
  const folder: Call = { kind: "sync", path: "/s/a" };
  expect([...afterPowerLoss([file, link], "lost")]).toEqual([]);
  expect([...afterPowerLoss([file, link], "named")]).toEqual([["/s/a/name", "whole"]]);
  expect([...afterPowerLoss([link, folder], "lost")]).toEqual([["/s/a/name", "empty"]]);
  expect([...afterPowerLoss([file, link, folder], "lost")]).toEqual([["/s/a/name", "whole"]]);
  const made: Call = { kind: "mkdir", path: "/s/a" };
  expect([...afterPowerLoss([made, file, link, folder], "lost")]).toEqual([]);
});
