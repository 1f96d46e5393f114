// Distinct people for the places that approvals leave: against trying every way, and with the policy's own people.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tally, tallyRoles, whoCanApprove } from "../../src/policy/approvals.ts";
import { destinationProblem } from "../../src/policy/destination.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { EXAMPLE } from "./example.ts";
import { compiled, NOW } from "./sample.ts";

const { policy } = compiled(EXAMPLE);

/** As many places as can be filled, found by trying every way. */
function most(places: readonly string[], people: readonly (readonly string[])[]): number {
  const [place, ...others] = places;
  if (place === undefined) return 0;
  const without = most(others, people);
  const filled = people.flatMap((roles, at) => {
    const fits = place === "any" ? roles.length > 0 : roles.includes(place);
    return fits ? [1 + most(others, people.toSpliced(at, 1))] : [];
  });
  return Math.max(without, ...filled);
}

describe("a tally", () => {
  const role = fc.constantFrom("owner", "officer", "reviewer");
  const needs = fc.uniqueArray(
    fc.record({ role: fc.constantFrom("owner", "officer", "reviewer", "any"), count: fc.integer({ min: 1, max: 2 }) }),
    { selector: (need) => need.role, minLength: 1, maxLength: 3 },
  );

  it("fills as many places as distinct people can", () => {
    fc.assert(
      fc.property(needs, fc.array(fc.uniqueArray(role), { maxLength: 5 }), (asked, people) => {
        const places = asked.flatMap((need) => Array<string>(need.count).fill(need.role));
        const { has, needed, missing } = tallyRoles(asked, people);
        expect({ has, needed, missing: missing.length }).toEqual({
          has: most(places, people),
          needed: places.length,
          missing: places.length - has,
        });
      }),
      { numRuns: 500 },
    );
  });

  it("is not met by fewer people than it needs, whatever their roles", () => {
    const everything = ["owner", "officer", "reviewer"];
    expect(
      tallyRoles(
        [
          { role: "owner", count: 1 },
          { role: "officer", count: 1 },
        ],
        [everything],
      ).missing,
    ).toEqual(["officer"]);
    expect(tallyRoles([{ role: "any", count: 2 }], [everything]).has).toBe(1);
  });

  it("moves a person to where they are needed", () => {
    const asked = [
      { role: "any", count: 1 },
      { role: "owner", count: 1 },
    ];
    expect(tallyRoles(asked, [["owner", "reviewer"], ["reviewer"]]).missing).toEqual([]);
    expect(tallyRoles(asked, [["reviewer"], ["owner"]]).missing).toEqual([]);
  });
});

describe("who can approve", () => {
  const needs = [
    { role: "data-owner", count: 1 },
    { role: "security-officer", count: 1 },
  ];
  const about = { domain: "churn", class: "internal", requester: "bo", pushedBy: "dee" };

  it.each([
    ["in their domain", [], about, ["ana", "omar"]],
    ["in another", [], { ...about, domain: "marketing" }, ["ana", "mei"]],
    ["where one has", ["omar"], about, ["ana"]],
    ["where all have", ["omar", "ana"], about, []],
    ["but not who pushed", [], { ...about, pushedBy: "ana" }, ["omar"]],
    ["and not who asked", [], { ...about, requester: "omar" }, ["ana"]],
    ["also where it is not known who pushed", [], { ...about, pushedBy: undefined }, ["ana", "omar"]],
  ])("%s", (_, approvals, approved, who) => {
    expect(whoCanApprove(policy, needs, approvals, approved)).toEqual(who);
  });

  it("counts nothing where it is not known who pushed", () => {
    expect(tally(policy, needs, ["omar", "ana"], about).has).toBe(2);
    expect(tally(policy, needs, ["omar", "ana"], { ...about, pushedBy: undefined }).has).toBe(0);
  });

  it("counts a role up to its class, and in its stages", () => {
    const reviewer = [{ role: "reviewer", count: 1 }];
    expect(tally(policy, reviewer, ["priya"], { ...about, class: "confidential" }).has).toBe(1);
    expect(tally(policy, reviewer, ["priya"], { ...about, class: "restricted" }).has).toBe(0);
    expect(tally(policy, reviewer, ["priya"], { ...about, stage: "elsewhere" }).has).toBe(0);
  });
});

describe("a policy whose approvals nobody can give", () => {
  const owners = EXAMPLE.replace("artifact.promote, artifact.declassify,", "artifact.promote,").replace(
    "artifact.retire, artifact.restore,",
    "artifact.retire, artifact.restore, artifact.declassify,",
  );

  it("waits for others where only those may do it who would have to approve it, and separate forbids that", () => {
    const { policy: read, problems } = readPolicy(Buffer.from(owners), { now: NOW });
    expect(read).toBeDefined();
    expect(problems).toMatchObject([
      {
        severity: "warning",
        message:
          "rule declassify-needs-owner cannot be approved until others join: whoever does it, or pushed it, is needed to approve it, and separate forbids that",
        hint: "see separate",
      },
    ]);
  });

  it("is accepted without that separation", () => {
    const alone = owners.replace("  - { who: request.create, cannot: request.approve }\n", "");
    expect(readPolicy(Buffer.from(alone), { now: NOW }).problems).toEqual([]);
  });

  it("is warned of where it is so in one domain only", () => {
    const text = EXAMPLE.replace("roles: [data-owner@marketing]", "roles: [reviewer@marketing]");
    const { policy: read, problems } = readPolicy(Buffer.from(text), { now: NOW });
    expect(read).toBeDefined();
    expect(problems.map(({ severity, message }) => `${severity}: ${message.slice(0, 60)}`)).toContain(
      "warning: rule export-needs-two can never be approved in marketing: it",
    );
  });
});

describe("a destination", () => {
  it.each([
    ...["s3://partner-acme/in", "s3://partner-acme", "s3://a.b-c/x/y z.csv", "domain:marketing", "file:/srv/out"],
    ...["file:/", "share:age1qqq"],
  ])("may be %s", (text) => {
    expect(destinationProblem(text)).toBeUndefined();
  });

  it.each([
    ...[
      "",
      "s3://",
      "s3:///x",
      "s3://Partner/x",
      "s3://partner-acme/",
      "s3://partner-acme/./x",
      "s3://partner-acme/x/..",
    ],
    ...["s3://partner-acme/%2e%2e", "s3://partner-acme/a\\b", "s3://partner-acme/a\u202eb", "S3://partner-acme/x"],
    ...["domain:", "domain:../x", "domain:Marketing", "file:out", "file:/srv/../etc", "file:/srv//out", "file:/srv/\0"],
    ...[
      "file:/srv/cafe\u0301",
      "share:",
      "share:age1$(id)",
      "share:bo",
      "https://partner.example/in",
      "x".repeat(5000),
    ],
  ])("may not be %j", (text) => {
    expect(destinationProblem(text)).toBeDefined();
  });
});
