// Asking and answering: what counts, for whom, how long, and once.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { denyRequest, revokeRequest, withdrawRequest } from "../../src/operations/request/answer.ts";
import { approveRequest } from "../../src/operations/request/approve.ts";
import { listRequests } from "../../src/operations/request/list.ts";
import { showRequest } from "../../src/operations/request/show.ts";
import { sessionOf } from "./project.ts";
import { ask, type People, requestProject } from "./request-project.ts";

let people: People;
let folder: string;

beforeAll(async () => {
  ({ people, folder } = await requestProject());
});

const approve = async (who: keyof People, id: string) => approveRequest(await sessionOf(people[who]), { id });
const show = async (who: keyof People, id: string) => showRequest(await sessionOf(people[who]), id);

describe("a request", () => {
  test("is read by those who decide, and shows nobody else what it is about", async () => {
    const made = await ask(people.bo, "export", "risk:1.0", { to: "s3://partner-acme/in", justification: "DPA-114" });
    expect(made.wanted).toEqual([
      { role: "data-owner", count: 1, members: ["omar", "mei"] },
      { role: "security-officer", count: 1, members: ["ana"] },
    ]);
    for (const who of ["ana", "omar", "mei", "bo"] as const) {
      expect(await show(who, made.id)).toMatchObject({
        ...{ state: "open", reference: "churn/risk:1.0", to: "s3://partner-acme/in", justification: "DPA-114" },
        ...{ requestedBy: "bo", class: "internal", scan: "not scanned", problem: undefined },
      });
    }
    const seen = await show("dee", made.id);
    expect([seen.reference, seen.to, seen.justification]).toEqual([undefined, undefined, undefined]);
    const stored = readFileSync(join(folder, "store/requests", made.sha256 ?? ""), "latin1");
    for (const word of ["risk", "partner-acme", "DPA-114"]) expect(stored).not.toContain(word);
  });
});
