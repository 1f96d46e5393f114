// Publishing a policy under a store that fails, dies or answers ambiguously at one operation after the other.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Host } from "../../src/operations/host.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import { copyOf, hostIn, makeProject, scratch, sessionOf } from "../operations/project.ts";
import { FAULTS } from "./faulty-store.ts";
import { expectInvariants } from "./invariants.ts";
import { type Act, again, callsOf, roundAt } from "./rounds.ts";

let base: string;
let secret: string;
beforeAll(async () => {
  base = scratch();
  secret = (await (await sessionOf(await makeProject(base))).identity()).ageSecret;
});

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("a policy version takes force whole or not at all, and proposing again succeeds", async () => {
    const changed = copyOf(base);
    changePolicy(hostIn(changed, "ana"));
    const propose: Act<object> = (session) => proposePolicy(session, {});
    const { length: count } = await callsOf(changed, propose);
    // Together the faults reach every operation several times.
    for (let k = 1 + (FAULTS.indexOf(fault) % 2); k <= count; k += 2) {
      const round = await roundAt(changed, fault, k, propose);
      const after = await sessionOf(round.host);
      await after.sync();
      if (after.ledger.inForce.version === 1) await again(round, propose, 1 + ((k * 5) % count));
      const end = await sessionOf(round.host);
      await end.sync();
      expect(end.ledger.inForce.version).toBe(2);
      expect((await end.policy()).compiled.policy.domains.map((d) => d.id)).toContain("extra");
      await end.keys.newest({ domain: "extra", class: "internal" });
      await expectInvariants(round.store, secret);
    }
  }, 240_000);
});

/** A change that needs new keys: a second domain. */
function changePolicy(host: Host): void {
  const file = join(host.cwd, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/^domains:\n/m, "domains:\n  extra: { owner: ana, epoch: 1 }\n"));
}
