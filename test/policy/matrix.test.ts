// The example policy against an independent model of what it says, through a user's own test file.
import { describe, expect, it } from "vitest";
import { loadCedar } from "../../src/policy/cedar.ts";
import { mutate } from "../../src/policy/check/mutate.ts";
import { readCases } from "../../src/policy/check/read-cases.ts";
import { decidedBy, runCase } from "../../src/policy/check/run-cases.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { EXAMPLE } from "./example.ts";
import { matrix, matrixFile } from "./matrix.ts";

const cases = matrix();
const { policy } = readPolicy(Buffer.from(EXAMPLE), { now: 0 });
if (!policy) throw new Error("the example is no policy");
const cedar = await loadCedar(true);
const compiled = compilePolicy(policy, "");
const read = readCases(Buffer.from(matrixFile(cases)), policy);
const results = (read.file?.cases ?? []).map((each) => runCase(cedar, compiled, each, 0));

describe("the example policy", () => {
  it("has a matrix of at least 300 cases, of both answers, that reads as a test file", () => {
    expect(read.problems).toEqual([]);
    expect(cases.length).toBeGreaterThanOrEqual(300);
    expect(read.file?.cases.length).toBe(cases.length);
    for (const allow of [true, false]) expect(cases.filter((each) => each.allow === allow).length).toBeGreaterThan(100);
  });

  it("answers every case as the model does, by exactly the rules that it names", () => {
    const wrong = results.flatMap(({ case: { name }, passed, decision }, at) => {
      const decided = [...decidedBy(decision)].sort();
      const meant = [...(cases[at]?.rules ?? [])].sort();
      const right = passed && decided.join() === meant.join();
      return right ? [] : [{ name, decided, meant }];
    });
    expect(wrong).toEqual([]);
  });

  it("has nothing that could be removed without a case noticing, but what makes no difference in it", () => {
    const { tried, survivors } = mutate(cedar, policy, new Map(), results, 0);
    expect(tried).toBeGreaterThan(100);
    expect(survivors.map(({ what }) => what)).toEqual(EQUIVALENT);
  });
});

/** A purpose that ends after the policy does, and what another statement of the same person asks for, too. */
const EQUIVALENT = ["purposes.fraud-research.until", "evidence.bias-review.not-by: pusher"];
