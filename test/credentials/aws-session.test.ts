// Asking for a session ends, whatever the program does that a profile names for its keys.
import { describe, expect, it } from "vitest";
import { assumeRole, type SessionRequest } from "../../src/credentials/aws-session.ts";

const request: SessionRequest = {
  ...{ roleArn: "arn:aws:iam::111122223333:role/cloister-churn-steward", sessionName: "ana.1", sourceIdentity: "ana" },
  ...{ tags: {}, policy: undefined, durationMs: 900_000 },
};
const never = { region: "eu-west-1", credentials: () => new Promise<never>(() => {}) };

describe("a session whose keys never come", () => {
  it("is given up", async () => {
    const asked = assumeRole(never, request, new AbortController().signal, 200);
    await expect(asked).rejects.toMatchObject({ code: "UNAVAILABLE", why: expect.stringContaining("within 0.2 s") });
  });

  it("is interrupted at once", async () => {
    const cancel = new AbortController();
    const asked = assumeRole(never, request, cancel.signal);
    setTimeout(() => cancel.abort(), 50);
    await expect(asked).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});
