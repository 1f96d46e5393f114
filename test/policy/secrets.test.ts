// Secrets have a domain and a class, so reach, held domains, key epochs and keys apply to them as to artifacts.
import { describe, expect, it } from "vitest";
import { loadCedar } from "../../src/policy/cedar.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { entitlements } from "../../src/policy/entitlements.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { compiled, NOW, SAMPLE } from "./sample.ts";

const TEXT = SAMPLE.replace(
  "  pipeline:\n    can: [",
  "  deployer:\n    can: [secret.read, secret.write]\n    up-to: internal\n  pipeline:\n    can: [",
).replace("roles: [pipeline@churn]", "roles: [deployer@churn]");
const policy = compiled(TEXT);
const cedar = await loadCedar();

function ask(over: Partial<DecisionRequest>) {
  const where = { domain: "churn", class: "internal" };
  const request = { action: "secret.read", member: "ci", now: NOW, mfaAgeMs: 0, ...where } as const;
  return decideWith(cedar, policy, { ...request, ...over });
}

describe("a role with secret.read and secret.write", () => {
  it("reads and writes where it is held, up to its class", () => {
    expect(ask({}).allow).toBe(true);
    expect(ask({ action: "secret.write", epoch: 2 }).allow).toBe(true);
    expect(ask({ class: "confidential" }).allow).toBe(false);
    expect(ask({ domain: "marketing" }).allow).toBe(false);
    expect(ask({ member: "bo" }).allow).toBe(false);
  });

  it("writes with no key epoch that the domain has moved on from", () => {
    for (const epoch of [1, undefined]) {
      const { allow, refusals } = ask({ action: "secret.write", epoch });
      expect([allow, refusals.map(({ rule }) => rule)]).toEqual([false, ["builtin:epoch"]]);
    }
  });

  it("needs a class and a domain to be asked about", () => {
    expect(ask({ class: undefined }).refusals[0]?.rule).toBe("builtin:request");
    expect(ask({ domain: undefined }).refusals[0]?.rule).toBe("builtin:request");
  });

  it("gives the keys that it takes, and no others", () => {
    const { classKeys, nameKeys } = entitlements(policy.policy, "ci");
    expect(classKeys).toEqual(["public", "internal"].map((name) => ({ domain: "churn", class: name })));
    expect(nameKeys).toEqual(["churn"]);
  });
});

describe("a refusal says honestly what stands behind it", () => {
  it("mathematics for who holds no key of the class, manners for who holds it to read artifacts", () => {
    expect(ask({ class: "restricted" }).refusals[0]?.enforcement).toBe("cryptographic + server");
    expect(ask({ member: "bo" }).refusals[0]?.enforcement).toBe("advisory");
    expect(ask({ member: "bo", action: "secret.write", epoch: 2 }).refusals[0]?.enforcement).toMatch(
      /^refused by every reader/,
    );
  });
});

it("a rule about secrets of a kind can never fire, and is an error", () => {
  const wrong = TEXT.replace(
    "rules:\n",
    "rules:\n  odd:\n    on: [secret.read]\n    kinds: [dataset]\n    refuse: No.\n",
  );
  const { problems } = readPolicy(Buffer.from(wrong), { now: NOW });
  expect(problems.map(({ message }) => message)).toContain(
    "rule odd can never fire on secret.read: a secret is of no kind",
  );
});
