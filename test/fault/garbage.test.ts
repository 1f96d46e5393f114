// Garbage collection under a store that fails, dies or answers ambiguously at every k-th operation (I10), and together with
// concurrent pushes for which a day lasts five seconds.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import { collectGarbage } from "../../src/operations/store/gc.ts";
import { copyOf, hostIn, scratch, sessionOf } from "../operations/project.ts";
import {
  end,
  NO_WAIT,
  objectsIn,
  projectWithGarbage,
  pushText,
  requireWhole,
  sessionAt,
} from "../operations/store/garbage.ts";
import { Crash, type Fault, FaultyStore } from "./faulty-store.ts";

/** To die before an operation is to die after the one before it. */
const FAULTS: readonly Fault[] = ["fail", "ambiguous", "crash-after"];
const kept = randomBytes(100_000);

/** One version that is needed and one that is not; what the second left is condemned already. */
let condemned: string;
let fresh: string;

beforeAll(async () => {
  fresh = scratch();
  const ana = await projectWithGarbage(fresh);
  await pushText(ana, "kept", kept);
  await pushText(ana, "ended", randomBytes(100_000));
  await end(ana, "ended:v1");
  condemned = copyOf(fresh);
  await collectGarbage(await sessionAt(hostIn(condemned, "ana"), NO_WAIT), { yes: true });
  await pause(20);
});

const collect = async (folder: string) =>
  collectGarbage(await sessionAt(hostIn(folder, "ana"), NO_WAIT), { yes: true });

describe.each(FAULTS)("a store that can %s", (fault) => {
  test.each(["condemning", "deleting"])(
    "%s: nothing that is needed goes, and later runs finish it",
    async (what) => {
      const base = what === "condemning" ? fresh : condemned;
      const counting: FaultyStore[] = [];
      const counted = hostIn(copyOf(base), "ana");
      await collectGarbage(await sessionAt(counted, NO_WAIT, (store) => (counting[0] = new FaultyStore(store))), {
        yes: true,
      });
      const count = counting[0]?.operations ?? 0;
      expect(count).toBeGreaterThan(20);
      for (let k = 1; k <= count; k++) {
        const folder = copyOf(base);
        const host = hostIn(folder, "ana");
        const session = await sessionAt(host, NO_WAIT, (store) => new FaultyStore(store, fault, k));
        const failure = await collectGarbage(session, { yes: true }).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (failure instanceof CloisterError) expect(failure.code).toBe("UNAVAILABLE");
        else if (failure !== undefined) expect(failure).toBeInstanceOf(Crash);
        expect(await requireWhole(host)).toBe(1);
        for (let run = 0; run < 3; run++) {
          await pause(10);
          await collect(folder);
        }
        expect([objectsIn(folder, "packs").length, objectsIn(folder, "condemned")]).toEqual([1, []]);
        expect(await requireWhole(host)).toBe(1);
      }
    },
    600_000,
  );
});

describe("pushes and collections at once", () => {
  const SOME = expect.toSatisfy((count: number) => count > 0);
  const SOAK_MS = 30_000;
  const times = { freshMs: 500, waitMs: 5000, relyMs: 3000 };

  test("lose nothing that was pushed, whoever is killed", async () => {
    const folder = scratch();
    const ana = await projectWithGarbage(folder);
    const file = join(ana.cwd, "cloister.policy.yaml");
    writeFileSync(
      file,
      readFileSync(file, "utf8").replace(
        "purpose-for: [workspace.create, artifact.pull]",
        "purpose-for: [workspace.create]",
      ),
    );
    await proposePolicy(await sessionOf(ana), {});
    const until = Date.now() + SOAK_MS;
    const tally = { pushed: 0, given: 0, died: 0, ended: 0, condemned: 0, deleted: 0, partial: 0, runs: 0 };
    const dying = (store: ConstructorParameters<typeof FaultyStore>[0]) =>
      Math.random() < 0.25 ? new FaultyStore(store, "crash", 1 + Math.floor(Math.random() * 60)) : store;
    const passes = (error: unknown): void => {
      if (error instanceof Crash) tally.died++;
      else if (error instanceof CloisterError && ["UNAVAILABLE", "USAGE", "NOT_FOUND"].includes(error.code))
        tally.given++;
      else throw error;
    };
    const common = randomBytes(150_000);
    const pusher = async (number: number): Promise<void> => {
      for (let turn = 0; Date.now() < until; turn++) {
        // The same beginning again and again: each version relies on packs of the ones before.
        const content = Buffer.concat([common, randomBytes(Math.random() < 0.5 ? 10 : 80_000)]);
        await sessionAt(ana, times, dying)
          .then((session) => pushText(ana, `thing-${String(number)}`, content, session))
          .then(() => tally.pushed++, passes);
        if (turn % 3 === 2) await endOldest(number).catch(passes);
      }
    };
    const ends = new Map<number, number>();
    /** The one before has gone already: by a push that was killed, numbers have no gaps. */
    const endOldest = async (number: number): Promise<void> => {
      const next = (ends.get(number) ?? 0) + 1;
      await end(ana, `thing-${String(number)}:v${String(next)}`);
      ends.set(number, next);
      tally.ended++;
    };
    const collector = async (): Promise<void> => {
      while (Date.now() < until) {
        await sessionAt(ana, times, dying)
          .then((session) => collectGarbage(session, { yes: true }))
          .then((collected) => {
            tally.runs++;
            tally.condemned += collected.condemned.packs;
            tally.deleted += collected.deleted.packs;
            if (!collected.complete) tally.partial++;
          }, passes);
        await pause(50);
      }
    };
    await Promise.all([pusher(1), pusher(2), pusher(3), collector(), collector()]);
    expect(tally).toMatchObject({ pushed: SOME, died: SOME, condemned: SOME, deleted: SOME });
    expect(await requireWhole(ana)).toBeGreaterThan(0);
  }, 300_000);
});
