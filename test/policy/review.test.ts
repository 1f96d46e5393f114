// Whose confirmation of somebody's access counts.
import { expect, test } from "vitest";
import { readPolicy } from "../../src/policy/read.ts";
import { mayReview, reviewersOf } from "../../src/policy/review.ts";
import { EXAMPLE } from "./example.ts";

test("a service that holds the role confirms nobody, and does not keep the one person from confirming themselves", () => {
  const { policy } = readPolicy(Buffer.from(EXAMPLE), { now: Date.UTC(2026, 6, 1) });
  if (!policy) throw new Error("the example cannot be read");
  const role = policy.accessReview?.by ?? "";
  const [person = ""] = reviewersOf(policy);
  const robot = policy.members.find(({ service }) => service);
  if (!robot) throw new Error("the example has a service");
  const members = policy.members
    .filter(({ id }) => id === person || id === robot.id)
    .map((member) => (member.service ? { ...member, roles: [{ role, domain: undefined }] } : member));
  const both = { ...policy, members };
  expect(reviewersOf(both)).toEqual([person]);
  expect(mayReview(both, robot.id, person)).toBe(false);
  expect(mayReview(both, person, person)).toBe(true);
});
