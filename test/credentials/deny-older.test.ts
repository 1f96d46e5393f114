// Which sessions of AWS a revocation reaches.
import { expect, it } from "vitest";
import { denyOlderSessions } from "../../src/credentials/deny-older.ts";

const now = Date.parse("2026-06-30T12:00:00Z");
const older = { DateLessThan: { "aws:TokenIssueTime": "2026-06-30T12:00:00.000Z" } };
const everything = { Effect: "Deny", Action: "*", Resource: "*" };

it("takes back the sessions of one member, and those that do not say whose they are where there can be any", () => {
  const own = { ...everything, Condition: { ...older, StringEquals: { "aws:SourceIdentity": "bo" } } };
  expect(denyOlderSessions(now, "bo", false)).toEqual({ Version: "2012-10-17", Statement: [own] });
  const nameless = { ...everything, Condition: { ...older, Null: { "aws:SourceIdentity": "true" } } };
  expect(denyOlderSessions(now, "bo", true)).toMatchObject({ Statement: [own, nameless] });
});
