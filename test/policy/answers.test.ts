// Remembered answers: the same as Cedar's, for every question and every instant, and none where anything differs.
import { getCedarSDKVersion } from "@cedar-policy/cedar-wasm/nodejs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACTIONS, KINDS } from "../../src/policy/actions.ts";
import { ANSWERS_BYTES_MAX, Answers, CEDAR_VERSION } from "../../src/policy/answers.ts";
import { loadCedar } from "../../src/policy/cedar.ts";
import { attribute, context, equal, literal, statement } from "../../src/policy/cedar-json.ts";
import { type DecisionRequest, decide } from "../../src/policy/decide.ts";
import { sameTime } from "../../src/policy/instants.ts";
import { cedarRequest } from "../../src/policy/request.ts";
import { memberOf } from "../../src/policy/schema.ts";
import { CASES } from "./cases.ts";
import { GOVERNED, GOVERNED_CASES } from "./governed-cases.ts";
import { compiled, NOW, SAMPLE } from "./sample.ts";

const sample = compiled();
const { policy } = sample;
const cedar = await loadCedar();
const boundaries = [policy.expires.endMs, ...policy.purposes.flatMap(({ until }) => (until ? [until.endMs] : []))];

const instant = fc.oneof(
  fc.tuple(fc.constantFrom(...boundaries), fc.integer({ min: -2, max: 2 })).map(([at, by]) => at + by),
  fc.integer({ min: 0, max: 2 * policy.expires.endMs }),
);
const question: fc.Arbitrary<DecisionRequest> = fc.record(
  {
    action: fc.constantFrom(...ACTIONS),
    member: fc.constantFrom(...policy.members.map(({ id }) => id)),
    now: instant,
    domain: fc.constantFrom(...policy.domains.map(({ id }) => id)),
    class: fc.constantFrom(...policy.classifications),
    kind: fc.constantFrom(...KINDS),
    purpose: fc.oneof(fc.constantFrom(...policy.purposes.map(({ id }) => id)), fc.string()),
    justification: fc.constant("long enough for every action"),
    openWorkspaces: fc.nat(4),
    epoch: fc.integer({ min: 1, max: 3 }),
  },
  { requiredKeys: ["action", "member", "now", "domain", "class"] },
);
/** An allowed one. */
const pull = CASES.find(({ request, refusedBy }) => request.action === "artifact.pull" && refusedBy.length === 0)
  ?.request as DecisionRequest;

/** As the next process finds them. */
function reopened(answers: Answers): Answers {
  return Answers.parse(answers.bytes());
}

describe("the time that stands for another", () => {
  it("gets the same answer from Cedar", () => {
    const seen = new Set<boolean>();
    fc.assert(
      fc.property(question, fc.constantFrom("decide" as const, "explain" as const), (asked, set) => {
        const member = memberOf(policy, asked.member);
        const same = sameTime(sample.cedar[set], asked.now);
        if (!member || same === undefined) throw new Error("the sample is not of this kind");
        expect([0, ...boundaries]).toContain(same);
        const answer = (now: number) => {
          const { reasons, ...others } = cedar.ask(sample, set, cedarRequest(sample, member, { ...asked, now }));
          // Cedar gives them in any order.
          return { ...others, reasons: [...reasons].sort() };
        };
        expect(answer(same)).toEqual(answer(asked.now));
        if (set === "decide") seen.add(answer(same).allow);
      }),
      { numRuns: 400 },
    );
    expect(seen.size).toBe(2);
  });

  it("changes at every boundary", () => {
    for (const at of boundaries) {
      expect(sameTime(sample.cedar.decide, at)).toBe(at);
      expect(sameTime(sample.cedar.decide, at - 1)).not.toBe(at);
    }
  });

  it.each([
    ["compares the time otherwise", equal(attribute(context, "now"), literal(NOW))],
    [
      "calculates with it",
      { "<": { left: { "-": { left: attribute(context, "now"), right: literal(1) } }, right: literal(2) } },
    ],
    ["compares it with a fact", { ">=": { left: attribute(context, "now"), right: attribute(context, "ttlMs") } }],
    ["hands on the context as a whole", equal(context, { Record: {} })],
  ])("is not there where a policy %s", (_, when) => {
    expect(
      sameTime({ ...sample.cedar.decide, odd: statement("forbid", undefined, { when }, {}) }, NOW),
    ).toBeUndefined();
  });
});

describe("remembered answers", () => {
  it("are those of the Cedar that is installed", () => {
    expect(getCedarSDKVersion()).toBe(CEDAR_VERSION);
  });

  it("decide as Cedar does, and ask it once", async () => {
    let answers = new Answers();
    for (const { request } of CASES) await decide(sample, request, answers);
    answers = reopened(answers);
    for (const { request } of CASES) {
      const [remembered, asked] = [await decide(sample, request, answers), await decide(sample, request)];
      // Cedar names what permits in any order.
      const { by, ...others } = remembered;
      expect(new Set(by)).toEqual(new Set(asked.by));
      expect({ ...asked, ...others }).toEqual(asked);
    }
    expect(answers.grown).toBe(false);
  });

  it("of consent, stages and what happened before are Cedar's, too", async () => {
    const governed = compiled(GOVERNED);
    expect(sameTime(governed.cedar.decide, NOW)).toBeDefined();
    let answers = new Answers();
    for (const { request } of GOVERNED_CASES) await decide(governed, request, answers);
    answers = reopened(answers);
    for (const { request, refusedBy } of GOVERNED_CASES) {
      const later = { ...request, now: request.now + 60_000 };
      const { refusals } = await decide(governed, later, answers);
      expect(refusals.map(({ rule }) => rule)).toEqual(refusedBy);
    }
    expect(answers.grown).toBe(false);
  });

  it("serve until the policy could answer otherwise", async () => {
    const answers = new Answers();
    const [lastDay = 0] = boundaries;
    expect((await decide(sample, pull, answers)).allow).toBe(true);
    const kept = reopened(answers);
    expect((await decide(sample, { ...pull, now: NOW + 60_000 }, kept)).allow).toBe(true);
    expect(kept.grown).toBe(false);
    expect((await decide(sample, { ...pull, now: lastDay }, kept)).allow).toBe(false);
    expect(kept.grown).toBe(true);
  });

  it("are not those of another policy, member or class", async () => {
    const answers = new Answers();
    await decide(sample, pull, answers);
    const other = compiled(SAMPLE.replace("version: 7", "version: 8"));
    for (const [by, asked] of [
      [other, pull],
      [sample, { ...pull, member: "ana" }],
      [sample, { ...pull, class: "restricted" }],
    ] as const) {
      const kept = reopened(answers);
      await decide(by, asked, kept);
      expect(kept.grown).toBe(true);
    }
  });

  it("are none where the file was cut, flipped or is junk", async () => {
    const answers = new Answers();
    await decide(sample, pull, answers);
    const bytes = Buffer.from(answers.bytes());
    const damaged = Array.from(bytes, (byte, at) => Buffer.from(bytes).fill(byte ^ 1, at, at + 1));
    const junk = ["null", "[]", "1", '"x"', "{}", '{"kept":1}', "\xff"].map((text) => Buffer.from(text, "latin1"));
    for (const found of [...damaged, bytes.subarray(0, -1), ...junk]) {
      const none = Answers.parse(found).bytes();
      expect(Buffer.from(none).equals(Buffer.from(new Answers().bytes()))).toBe(true);
    }
  });

  it("stay within their bounds, the newest first", async () => {
    const answers = new Answers();
    const by = (count: number) => ({ ...pull, openWorkspaces: count });
    for (let count = 0; count < 1200; count++) await decide(sample, by(count), answers);
    expect(answers.bytes().length).toBeLessThan(ANSWERS_BYTES_MAX);
    const kept = reopened(answers);
    await decide(sample, by(1199), kept);
    await decide(sample, by(200), kept);
    expect(kept.grown).toBe(false);
    await decide(sample, by(199), kept);
    expect(kept.grown).toBe(true);
  });
});
