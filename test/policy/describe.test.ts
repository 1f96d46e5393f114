import { describe, expect, it } from "vitest";
import { describePolicy } from "../../src/policy/describe.ts";
import { EXAMPLE } from "./example.ts";
import { compiled } from "./sample.ts";

const lines = describePolicy(compiled(EXAMPLE).policy);

describe("the example in plain lines", () => {
  it.each([
    "churn-model: policy version 7, until 2027-03-31; changes need the signatures of 2 of ana, omar and priya",
    "rule restricted-needs-grant: artifact.pull, workspace.mount and creds.issue from restricted up needs a grant of a data-owner and a security-officer for at most 4 h, which releases the key",
    "rule export-needs-two: artifact.export and share.create from internal up needs the approval of a data-owner and a security-officer",
    "rule export-destinations: artifact.export needs s3://partner-acme/* or domain:marketing as its destination",
    "rule declassify-needs-owner: artifact.declassify needs the approval of a data-owner and privacy-risk-signoff",
    "role data-scientist: works in dev and candidate only; pulls at most 50 GB a day; exports at most 5 times a week",
    "stages: dev -> candidate (needs tests-passed and dependencies-approved) -> production (needs tests-passed, dependencies-approved, bias-review and privacy-risk-signoff; the approval of a reviewer and a security-officer)",
    "evidence: tests-passed by a pipeline; dependencies-approved by a reviewer who did not push it; bias-review by a reviewer who did not push it; privacy-risk-signoff by a data-owner who did not push it",
    "never the same person on the same version: artifact.push and request.approve; request.create and request.approve; artifact.push and artifact.promote above internal",
    "kept: dev 30 d, candidate 180 d, production 3 y, restricted 90 d, the shortest that fits; then its keys are destroyed",
    "emergencies: a security-officer with the consent of mei or priya may artifact.pull, workspace.mount and creds.issue for 1 h; ana, omar and mei are told; another reviews it within 1 d",
    "access: a security-officer confirms it every 90 d; what lapses is read-only",
  ])("%s", (line) => {
    expect(lines).toContain(line);
  });

  it("says once what is asked of several actions, and what a push inherits", () => {
    const always = lines.find((line) => line.startsWith("always:"));
    expect(always).toContain(
      "artifact.export, artifact.retire, policy.change and break-glass.invoke need a justification of at least 20 characters",
    );
    expect(always).toContain("as sensitive as what its pusher pulled in 30 d");
  });

  it("leaves out a role that works in every stage", () => {
    expect(lines.filter((line) => line.startsWith("role reviewer:"))).toEqual([]);
  });
});
