// What KMS refuses, said in terms of the policy.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KmsRefused } from "../../src/keys/kms.ts";
import { inTermsOfPolicy } from "../../src/operations/kms-denial.ts";
import { makeProject, scratch, sessionOf } from "./project.ts";

test("names the line that would have to change, or that AWS lags behind the policy", async () => {
  const host = await makeProject(scratch());
  const { policy } = (await (await sessionOf(host)).policy()).compiled;
  const lines = readFileSync(join(host.cwd, "cloister.policy.yaml"), "utf8").split("\n");
  const line = lines.findIndex((text) => text.startsWith("  steward:")) + 1;
  const refused = new KmsRefused("POLICY_DENIED", "AWS KMS refuses kms:Decrypt", { why: "key arn", next: "x" });
  const entitled = inTermsOfPolicy(refused, policy, "ana", { domain: "churn", class: "confidential" });
  expect(entitled).toBeInstanceOf(KmsRefused);
  expect(entitled).toMatchObject({ message: refused.message, why: "key arn" });
  expect(entitled.next).toContain(
    `lets you into churn/confidential (role steward up to confidential, line ${String(line)})`,
  );
  expect(entitled.next).toContain("cloister policy verify aws");
  const lower = { ...policy, roles: policy.roles.map((role) => ({ ...role, upTo: "internal" })) };
  const foreign = inTermsOfPolicy(refused, lower, "ana", { domain: "churn", class: "confidential" });
  expect(foreign.next).toContain(`no role of yours reaches it: role steward up to internal, line ${String(line)}`);
  expect(foreign.next).toContain("an owner (ana) can change that");
});

test("what is no denial stays as it is", async () => {
  const { policy } = (await (await sessionOf(await makeProject(scratch()))).policy()).compiled;
  const disabled = new KmsRefused("FAILURE", "the KMS key is disabled", { next: "aws kms enable-key" });
  expect(inTermsOfPolicy(disabled, policy, "ana", { domain: "churn", class: "internal" })).toBe(disabled);
});
