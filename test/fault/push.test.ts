// Push under a store that fails, dies or answers ambiguously at every k-th operation (testing.md, I1 to I9).
import { beforeAll, describe, expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Host } from "../../src/operations/host.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { FAULTS } from "./faulty-store.ts";
import { expectInvariants } from "./invariants.ts";
import { type Act, again, callsOf, roundAt } from "./rounds.ts";

let base: string;
let secret: string;
beforeAll(async () => {
  base = scratch();
  const ana = await makeProject(base);
  randomFiles(ana.cwd);
  secret = (await (await sessionOf(ana)).identity()).ageSecret;
});

const pushIt: Act<Awaited<ReturnType<typeof push>>> = (session) =>
  push(session, { source: { path: "data" }, name: "cohort:1.0", class: "internal" });

/** The product's own readers find nothing wrong either. */
async function expectVerified(host: Host): Promise<void> {
  const { checks } = await verifyReference(await sessionOf(host), "cohort:1.0");
  const log = await verifyAudit(await sessionOf(host));
  expect([...checks, ...log.checks].filter(({ state }) => state === "bad")).toEqual([]);
}

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("push: no half version, the same command again succeeds, nothing is doubled", async () => {
    const { length: count } = await callsOf(base, pushIt);
    expect(count).toBeGreaterThan(20);
    for (let k = 1; k <= count; k++) {
      const round = await roundAt(base, fault, k, pushIt);
      const acknowledged = round.result ? [round.result.versionId] : [];
      const { versions } = await expectInvariants(round.store, secret, acknowledged);
      expect(versions.length).toBeLessThanOrEqual(1);
      if (round.result === undefined) {
        const pushed = await again(round, pushIt, 1 + ((k * 7) % count));
        expect(pushed.number).toBe(1);
        // What was logged before is what is acknowledged now.
        acknowledged.push(versions[0]?.versionId ?? pushed.versionId, pushed.versionId);
      }
      const after = await expectInvariants(round.store, secret, acknowledged);
      expect(after.versions.length).toBe(1);
      if (k % 5 > 0) continue;
      const next = await push(await sessionOf(round.host), {
        source: { path: "data" },
        name: "cohort",
        class: "internal",
      });
      expect(next.number).toBe(2);
      await expectVerified(round.host);
    }
  }, 240_000);
});
