import { describe, expect, it } from "vitest";
import { issuingEndMs, issuingRoles, longestLife } from "../../src/policy/issuing.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { NOW, SAMPLE } from "./sample.ts";

const { policy } = readPolicy(Buffer.from(SAMPLE), { now: NOW });
if (!policy) throw new Error("the sample is no policy");

const rolesOf = (member: string, narrowing = {}) =>
  issuingRoles(policy, member, narrowing).map(({ role, places }) => [
    role.id,
    ...places.map((place) => `${place.domain}/${place.class}`),
  ]);

describe("roles in which credentials are issued", () => {
  it("reach every class up to theirs, in the domains they are held in", () => {
    expect(rolesOf("bo")).toEqual([["data-scientist", "churn/public", "churn/internal", "churn/confidential"]]);
    expect(rolesOf("dee")[0]).toContain("marketing/confidential");
  });

  it("are none for who is suspended, unknown, or has no role that issues them", () => {
    for (const member of ["zed", "nobody", "mei"]) expect(rolesOf(member)).toEqual([]);
  });

  it("are only narrowed: by role, domain, purpose and class", () => {
    expect(rolesOf("dee", { domain: "marketing", upTo: "public" })).toEqual([["data-scientist", "marketing/public"]]);
    for (const nothing of [
      { role: "pipeline" },
      { domain: "nosuch" },
      { purpose: "fraud-research" },
      { upTo: "nosuch" },
    ]) {
      expect(rolesOf("bo", nothing)).toEqual([]);
    }
    expect(rolesOf("bo", { upTo: "restricted" })).toEqual(rolesOf("bo"));
  });
});

it("credentials end with their purpose, or with the policy", () => {
  expect(issuingEndMs(policy, "churn-modelling")).toBe(Date.parse("2027-02-01T00:00:00Z"));
  expect(issuingEndMs(policy, "fraud-research")).toBe(policy.expires.endMs);
  expect(issuingEndMs(policy, undefined)).toBe(policy.expires.endMs);
});

it("credentials live an hour at most where the role does not say", () => {
  expect(longestLife({ credentialTtlMs: undefined })).toBe(3_600_000);
  expect(longestLife({ credentialTtlMs: 7_200_000 })).toBe(7_200_000);
});
