// What is refused in the one role that was chosen, though another of the member's would have it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { CloisterError } from "../../src/base/errors.ts";
import { getCredential } from "../../src/operations/creds/issue.ts";
import { planIssue } from "../../src/operations/creds/plan.ts";
import type { Host } from "../../src/operations/host.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

const HOUR = 3_600_000;
let host: Host;

/** Ana has two roles more: one whose credentials live an hour, for one purpose, and one without such limits. */
beforeAll(async () => {
  host = await makeProject(scratch());
  const file = join(host.cwd, "cloister.policy.yaml");
  const roles = [
    "  brief: { can: [creds.issue, artifact.pull], up-to: internal, purposes: [modelling], credentials: { ttl: 1h } }",
    "  long: { can: [creds.issue, artifact.pull], up-to: internal, credentials: { ttl: 12h } }",
  ];
  const text = readFileSync(file, "utf8")
    .replace("\npurposes:\n", "\npurposes:\n  research: {}\n")
    .replace("\nalways:", `\n${roles.join("\n")}\n\nalways:`)
    .replace(/^( {2}ana: .*roles: \[)/m, "$1brief, long, ");
  writeFileSync(file, text);
  await proposePolicy(await sessionOf(host), {});
});

const role = "brief";
const lifetimes = { minMs: 1, maxMs: 24 * HOUR };

test.each([
  ["a longer life", { role, purpose: "modelling", ttlMs: 2 * HOUR }, "role:brief"],
  ["another purpose", { role, purpose: "research" }, "role"],
  ["another domain", { role, purpose: "modelling", domain: "nosuch" }, "builtin:request"],
])("%s than the role has is refused on record", async (_, options, rule) => {
  const session = await sessionOf(host);
  const asked = { provider: "token", ...options } as const;
  const refused = await getCredential(session, asked).catch((error: unknown) => error as CloisterError);
  expect(refused).toMatchObject({ code: "POLICY_DENIED", logEntry: session.log.size - 1 });
  const size = session.log.size;
  const dry = planIssue(session, asked, lifetimes, { dryRun: true });
  await expect(dry).rejects.toMatchObject({ code: "POLICY_DENIED", logEntry: undefined });
  expect(session.log.size).toBe(size);
  expect((refused as CloisterError).refusals?.map((each) => each.rule)).toContain(rule);
});
