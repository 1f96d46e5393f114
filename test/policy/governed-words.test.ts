// What people read when consent, a stage, a quota or what happened before refuses: why, who else, and the next command.
import { describe, expect, it } from "vitest";
import { type DecisionRequest, decide } from "../../src/policy/decide.ts";
import type { GovernanceFacts } from "../../src/policy/facts.ts";
import { GOVERNED } from "./governed-cases.ts";
import { compiled, NOW } from "./sample.ts";

const governed = compiled(GOVERNED);
const DAY = 86_400_000;

/** The first refusal of an act with a version of churn. */
async function refusal(
  member: string,
  action: DecisionRequest["action"],
  governance: GovernanceFacts,
  more: Partial<DecisionRequest> = {},
): Promise<{ why: string; who?: string; next?: string; missing?: string } | undefined> {
  const about = { domain: "churn", class: "internal", kind: "model", purpose: "churn-modelling", mfaAgeMs: 0 };
  const said = { justification: "for the evaluation under DPA-114", reference: "risk:1.2" };
  const request = { action, member, now: NOW, ...about, ...said, governance, ...more };
  return (await decide(governed, request)).refusals[0];
}

const tests = [{ kind: "tests-passed", by: "ci" }];
const restricted = { class: "restricted" };

describe("refusals in words", () => {
  it.each<[string, Parameters<typeof refusal>, { why: string; who?: string; next?: string; missing?: string }]>([
    [
      "a stage that the role does not touch",
      ["bo", "artifact.pull", { stage: "production" }],
      {
        why: "role data-scientist works in dev and candidate, and this is in production",
        who: "a reviewer: priya, ci; a data-owner: omar",
      },
    ],
    [
      "the bytes of a day",
      ["bo", "artifact.pull", { pulledBytes: 60e9 }],
      {
        why: "role data-scientist pulls at most 50 GB a day, and with this it is 60 GB",
        next: "wait until less was pulled in the last 24 hours",
      },
    ],
    [
      "the exports of a week",
      [
        "bo",
        "artifact.export",
        { pushedBy: "dee", approvals: ["omar", "ana"], destination: "domain:marketing", exports: 5 },
      ],
      {
        why: "role data-scientist exports at most 5 times a week, and did 5 times",
        next: "wait until fewer were exported in the last 7 days",
      },
    ],
    [
      "an emergency that nobody invoked",
      ["ana", "artifact.pull", { pushedBy: "dee" }, { ...restricted, purpose: "incident-response" }],
      {
        why: "role security-officer may artifact.pull in an emergency only, after break-glass",
        next: 'in an emergency: cloister break-glass invoke risk:1.2 --why "…"',
      },
    ],
    [
      "a grant that nobody gave",
      ["bo", "artifact.pull", { pushedBy: "dee" }, restricted],
      {
        why: "class restricted is open with a grant only, for at most 4 h; it needs 2 approvals, has 0 of 2: a data-owner and a security-officer are missing",
        who: "a data-owner: omar; a security-officer: ana",
        next: "cloister request create access risk:1.2 --purpose churn-modelling --why 'for the evaluation under DPA-114'",
        missing: "approval",
      },
    ],
    [
      "a grant that is over, of which all is to be given anew",
      [
        "bo",
        "artifact.pull",
        { pushedBy: "dee", grant: { approvals: ["omar", "ana"], ageMs: 18_000_000 } },
        restricted,
      ],
      {
        why: "class restricted is open with a grant only, for at most 4 h; yours is 5 h old",
        who: "a data-owner: omar; a security-officer: ana",
      },
    ],
    [
      "grants before a review",
      [
        "bo",
        "artifact.pull",
        { pushedBy: "dee", unreviewed: true, grant: { approvals: ["omar", "ana"], ageMs: 0 } },
        restricted,
      ],
      {
        why: "the break-glass that you invoked has not been reviewed by anybody else, and no other grant counts until then",
        who: "ana, omar or mei",
      },
    ],
    [
      "evidence that nobody gave",
      ["bo", "artifact.promote", { pushedBy: "bo", toStage: "candidate", evidence: tests }],
      {
        why: "promotion to candidate needs dependencies-approved, and nobody stated it",
        who: "a reviewer: priya, ci",
        next: "cloister artifact attest risk:1.2 --type dependencies-approved --result pass FILE",
      },
    ],
    [
      "evidence by the pusher",
      [
        ...(["bo", "artifact.promote"] as const),
        {
          pushedBy: "priya",
          toStage: "candidate",
          evidence: [...tests, { kind: "dependencies-approved", by: "priya" }],
        },
      ],
      { why: "promotion to candidate needs dependencies-approved, and only priya stated it, who pushed it" },
    ],
    [
      "approvals of a promotion",
      [
        ...(["bo", "artifact.promote"] as const),
        {
          ...{ pushedBy: "dee", stage: "candidate", toStage: "production", approvals: ["priya"] },
          evidence: [
            ...tests,
            ...["dependencies-approved", "bias-review"].map((kind) => ({ kind, by: "priya" })),
            { kind: "privacy-risk-signoff", by: "omar" },
          ],
        },
      ],
      {
        why: "promotion to production needs 2 approvals, has 1 of 2: a security-officer is missing",
        who: "a security-officer: ana",
        next: "cloister request create promote risk:1.2 --to production --why 'for the evaluation under DPA-114'",
        missing: "approval",
      },
    ],
    [
      "a stage that is skipped",
      ["bo", "artifact.promote", { pushedBy: "bo", toStage: "production" }],
      {
        why: "no gate leads from dev to production: from dev the only way is to candidate",
        next: "cloister artifact promote risk:1.2 --to candidate",
      },
    ],
    [
      "the last stage",
      ["bo", "artifact.promote", { pushedBy: "bo", stage: "production", toStage: "staging" }],
      { why: expect.stringContaining("works in dev and candidate") as unknown as string },
    ],
    [
      "what nobody does twice",
      ["ana", "request.approve", { pushedBy: "ana" }],
      {
        why: "you pushed it, and whoever did cannot request.approve",
        who: "a data-owner or a reviewer: omar, priya",
        next: "ask one of them",
      },
    ],
    [
      "what is retired",
      ["omar", "artifact.pull", { retired: true }],
      { why: "the version is retired", next: "cloister artifact restore risk:1.2" },
    ],
    [
      "what is held",
      ["omar", "artifact.retire", { retired: true, held: true, retire: "shred" }],
      {
        why: "the version is under legal hold: its keys must not be destroyed",
        next: 'cloister artifact hold risk:1.2 --release --why "…"',
      },
    ],
    [
      "access that lapsed",
      ["omar", "artifact.retire", { reviewAgeMs: 91 * DAY }],
      {
        why: "the access of omar was not confirmed within 90 d: only reading is left",
        who: "a security-officer: ana",
        next: "ask one of them: cloister member review omar --keep",
      },
    ],
    [
      "a service",
      ["ci", "request.approve", { pushedBy: "bo" }],
      {
        why: "ci is a service, and request.approve is a person's to do",
        who: "a security-officer, a data-owner or a reviewer: ana, omar, priya",
      },
    ],
  ])("%s", async (_, asked, words) => {
    expect(await refusal(...asked)).toMatchObject(words);
  });
});
