// Push, pull and publishing under a store that fails, dies or answers ambiguously at every k-th operation (testing.md, I1 to I9).
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { list } from "../../src/operations/artifact/list.ts";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Host } from "../../src/operations/host.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { copyOf, hostIn, makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { type Fault, FaultyStore } from "./faulty-store.ts";

const FAULTS: readonly Fault[] = ["fail", "ambiguous", "crash", "crash-after"];

let base: string;
beforeAll(async () => {
  base = scratch();
  await makeProject(base);
  randomFiles(join(base, "ana"));
});

const pushIt = { source: { path: "data" }, name: "cohort:1.0", class: "internal" } as const;

/** What must hold whatever happened: everything listed reads whole, and the log holds. */
async function invariants(host: Host): Promise<number> {
  const { versions, ignored } = await list(await sessionOf(host), {});
  for (const { reference } of versions) {
    expect((await verifyReference(await sessionOf(host), reference)).checks.filter((c) => c.state === "bad")).toEqual(
      [],
    );
  }
  expect((await verifyAudit(await sessionOf(host))).checks.filter((c) => c.state === "bad")).toEqual([]);
  return versions.length + ignored.length;
}

/** How many store operations something takes. */
async function operationsOf(act: (store: FaultyStore[], host: Host) => Promise<unknown>): Promise<number> {
  const stores: FaultyStore[] = [];
  await act(stores, hostIn(copyOf(base), "ana"));
  return stores[0]?.operations ?? 0;
}

/** The tests of one fault at every k, but for the few operations that only read at the start. */
async function atEveryOperation(count: number, tryAt: (k: number) => Promise<void>): Promise<void> {
  for (let k = 1; k <= count; k++) await tryAt(k);
}

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("push: no half version, the same command again succeeds, nothing is doubled", async () => {
    const count = await operationsOf(async (stores, host) => {
      const session = await sessionOf(host, (store) => (stores[0] = new FaultyStore(store)));
      await push(session, pushIt);
    });
    expect(count).toBeGreaterThan(20);
    await atEveryOperation(count, async (k) => {
      const host = hostIn(copyOf(base), "ana");
      const session = await sessionOf(host, (store) => new FaultyStore(store, fault, k));
      const first = await push(session, pushIt).then(
        (pushed) => pushed.versionId,
        (error: unknown) => {
          if (error instanceof CloisterError) expect(error.code).toBe("UNAVAILABLE");
          return undefined;
        },
      );
      expect(await invariants(host)).toBeLessThanOrEqual(1);
      if (first === undefined) {
        const again = await push(await sessionOf(host), pushIt);
        expect(again.number).toBe(1);
      }
      expect(await invariants(host)).toBe(1);
    });
  }, 240_000);

  test("pull: a whole folder or none, and the same command again succeeds", async () => {
    const pushed = copyOf(base);
    await push(await sessionOf(hostIn(pushed, "ana")), pushIt);
    const pullIt = { reference: "cohort:1.0", purpose: "modelling", output: { folder: "out" } };
    const counting: FaultyStore[] = [];
    const counted = hostIn(copyOf(pushed), "ana");
    await pull(await sessionOf(counted, (store) => (counting[0] = new FaultyStore(store))), pullIt);
    await atEveryOperation(counting[0]?.operations ?? 0, async (k) => {
      const host = hostIn(copyOf(pushed), "ana");
      const session = await sessionOf(host, (store) => new FaultyStore(store, fault, k));
      const failed = await pull(session, pullIt).then(
        () => false,
        () => true,
      );
      const out = join(host.cwd, "out");
      const whole = () =>
        readFileSync(join(out, "a.csv"), "utf8") === readFileSync(join(host.cwd, "data/a.csv"), "utf8");
      // After the last byte only the log entry can fail: the files are there then, and whole.
      if (existsSync(out)) expect(whole()).toBe(true);
      expect(readdirSync(host.cwd).filter((name) => name.startsWith(".") && name !== ".cloister")).toEqual([]);
      if (failed) {
        const target = existsSync(out) ? "out2" : "out";
        await pull(await sessionOf(host), { ...pullIt, output: { folder: target } });
      }
      await invariants(host);
    });
  }, 240_000);

  test("a policy version takes force whole or not at all, and proposing again succeeds", async () => {
    const count = await operationsOf(async (stores, host) => {
      changePolicy(host);
      const session = await sessionOf(host, (store) => (stores[0] = new FaultyStore(store)));
      await proposePolicy(session, {});
    });
    await atEveryOperation(count, async (k) => {
      const host = hostIn(copyOf(base), "ana");
      changePolicy(host);
      const session = await sessionOf(host, (store) => new FaultyStore(store, fault, k));
      await proposePolicy(session, {}).catch(() => undefined);
      const after = await sessionOf(host);
      await after.sync();
      if (after.ledger.inForce.version === 1) await proposePolicy(after, {});
      const end = await sessionOf(host);
      await end.sync();
      expect(end.ledger.inForce.version).toBe(2);
      expect((await end.policy()).compiled.policy.domains.map((d) => d.id)).toContain("extra");
      await end.keys.newest({ domain: "extra", class: "internal" });
      await invariants(host);
    });
  }, 240_000);
});

/** A change that needs new keys: a second domain. */
function changePolicy(host: Host): void {
  const file = join(host.cwd, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/^domains:\n/m, "domains:\n  extra: { owner: ana, epoch: 1 }\n"));
}
