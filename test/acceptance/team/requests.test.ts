// Four people, one store: joining by an invitation, asking, approving, waiting, as they type it.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Joined, RequestCreated, RequestDetail, RequestListing, Status } from "../../../src/index.ts";
import { holders, type Member, marker, World } from "../harness.ts";

const world = new World();
const why = marker();
let ana: Member;
let omar: Member;
let bo: Member;
let dee: Member;

const RULES = `roles:
  security-officer:
    can: [policy.change, member.add, member.review, audit.read, key.rotate, request.approve]
    up-to: restricted
  data-owner:
    can: [artifact.pull, artifact.read-metadata, request.approve, request.create]
    up-to: restricted
  data-scientist:
    can: [artifact.push, artifact.pull, artifact.read-metadata, artifact.export, request.create]
    up-to: restricted

separate:
  - { who: artifact.push,  cannot: request.approve }
  - { who: request.create, cannot: request.approve }

rules:
  restricted-needs-grant:
    on: [artifact.pull]
    from: restricted
    require: { grant: { approvals: { data-owner: 1, security-officer: 1 }, max: 4h } }
  export-needs-two:
    on: [artifact.export]
    from: internal
    require: { approvals: { data-owner: 1, security-officer: 1 } }
`;

function edit(change: (text: string) => string): void {
  const file = join(ana.folder, "cloister.policy.yaml");
  writeFileSync(file, change(readFileSync(file, "utf8")));
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  [omar, bo, dee] = [world.member("omar"), world.member("bo"), world.member("dee")];
});

describe("joining", () => {
  it("goes by an invitation in a file: asked, compared, let in with the role that was meant", async () => {
    const file = join(world.root, "invitation.txt");
    writeFileSync(file, (await ana.ok("member", "invite", "--role", "data-scientist")).out);
    const joined = await bo.json<Joined>("join", file, "--as", "bo", "--name", "Bo Chen");
    expect(joined).toMatchObject({ invitedBy: "ana", request: expect.stringMatching(/^j-[0-9a-f]{8}$/) });
    const { joins } = await ana.json<{ joins: readonly unknown[] }>("request", "list");
    expect(joins).toEqual([
      expect.objectContaining({ id: joined.request, fingerprint: joined.fingerprint, readingKey: "proven" }),
    ]);
    expect((await ana.json<Status>("status")).warnings).toContain(
      "1 person or device asks to join: cloister request list",
    );
    expect((await ana.ok("request", "show", joined.request ?? "")).out).toContain(joined.fingerprint);
    expect(await ana.fails("request", "approve", joined.request ?? "")).toMatchObject({
      ...{ exit: 2, message: expect.stringContaining("--yes") },
    });
    await ana.ok("request", "approve", joined.request ?? "", "--yes");
    expect((await bo.json<{ roles: readonly string[] }>("status")).roles).toEqual(["data-scientist"]);
  });

  it("or by the store alone; who is not wanted is removed, and may ask again", async () => {
    for (const member of [omar, dee]) {
      const args = ["join", ana.store, "--as", member.id, "--name", `Person ${member.id}`];
      const first = await member.json<Joined>(...args);
      await ana.ok("request", "deny", first.request ?? "", "--why", "wrong name");
      expect((await ana.json<{ joins: readonly unknown[] }>("request", "list")).joins).toEqual([]);
      const { request = "" } = await member.json<Joined>(...args);
      await ana.ok("request", "approve", request, "--role", "data-scientist", "--yes");
    }
    edit((text) => {
      const [before = ""] = text.split(/^roles:/m);
      return `${before.replace("internal, confidential]", "internal, confidential, restricted]")}${RULES}`
        .replace(/^( {2}ana:.*roles: )\[[^\]]*\]/m, "$1[security-officer]")
        .replace(/^( {2}omar:.*roles: )\[[^\]]*\]/m, "$1[data-owner]");
    });
    await ana.ok("policy", "propose", "--yes");
    dee.files("data", { "rows.csv": "1,2,3\n" });
    await dee.ok("push", "data", "--name", "cohort:v-one", "--class", "restricted");
    await dee.ok("push", "data", "--name", "risk:1.2", "--class", "internal");
  });
});

describe("an export", () => {
  const to = "s3://partner-acme/in";
  let id = "";

  it("is refused with a command that asks for it, and pending once it was asked", async () => {
    const refused = await bo.fails("artifact", "export", "risk:1.2", "--to", to, "--why", why);
    expect(refused).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(refused.next).toBe(`cloister request create export churn/risk:1.2 --to ${to} --why '${why}'`);
    const [command = ""] = refused.next.split(" --why ");
    const created = await bo.json<RequestCreated>(...command.split(" ").slice(1), "--why", why);
    expect(created).toMatchObject({ kind: "export", to, dryRun: false });
    id = created.id ?? "";
    const pending = await bo.fails("artifact", "export", "risk:1.2", "--to", to, "--why", why);
    expect(pending).toMatchObject({ exit: 5, code: "APPROVAL_PENDING", next: `cloister request show ${id}` });
  });

  it("is shown with everything there is to decide by, and exactly who can still approve", async () => {
    const seen = await ana.json<RequestDetail>("request", "show", id);
    expect(seen).toMatchObject({
      ...{ schema: "cloister/request-detail@1", state: "open", kind: "export", to, justification: why, checked: true },
      ...{ requestedBy: "bo", class: "internal", scan: "not scanned", version: { number: 1, pushedBy: "dee" } },
      wanted: [
        { role: "data-owner", count: 1, members: ["omar"] },
        { role: "security-officer", count: 1, members: ["ana"] },
      ],
    });
    const text = (await omar.ok("request", "show", id)).out;
    for (const word of [id, "churn/risk:1.2", to, why, "not scanned", "export-needs-two"]) expect(text).toContain(word);
    expect(await dee.fails("request", "approve", id, "--yes")).toMatchObject({ exit: 3 });
    expect(await bo.fails("request", "approve", id, "--yes")).toMatchObject({ exit: 3 });
    expect(await ana.fails("request", "approve", id)).toMatchObject({
      exit: 2,
      message: expect.stringContaining("--yes"),
    });
    expect(holders(ana.store, [why, "partner-acme"])).toEqual([]);
  });

  it("waits for both, and ends for who waits when the second has approved", async () => {
    expect(await bo.fails("request", "wait", id, "--timeout", "1s")).toMatchObject({
      exit: 5,
      code: "APPROVAL_PENDING",
    });
    const left = bo.start(["request", "wait", id]);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    left.child.kill("SIGINT");
    expect(await left.ended).toMatchObject({ exit: 130, err: expect.stringContaining(`cloister request wait ${id}`) });
    const waiting = bo.start(["request", "wait", id, "--json"]);
    const warned = async (member: Member) => (await member.json<Status>("status")).warnings;
    expect(await warned(omar)).toContain("1 request waits for you: cloister request list --to-approve");
    await omar.ok("request", "approve", id, "--yes");
    expect((await warned(omar)).filter((text) => text.includes("waits for you"))).toEqual([]);
    expect((await omar.json<RequestListing>("request", "list", "--to-approve")).requests).toEqual([]);
    expect((await ana.json<RequestListing>("request", "list", "--to-approve")).requests.map((each) => each.id)).toEqual(
      [id],
    );
    await ana.ok("request", "approve", id, "--yes");
    const ended = await waiting.ended;
    expect(ended.exit).toBe(0);
    expect(JSON.parse(ended.out)).toMatchObject({ state: "approved", approvedBy: ["omar", "ana"] });
  });

  it("to a folder is done once it was approved, and not a second time", async () => {
    const folder = join(bo.folder, "out");
    const made = await bo.json<RequestCreated>("request", "create", "export", "risk:1.2", "--to", folder, "--why", why);
    for (const member of [omar, ana]) await member.ok("request", "approve", made.id ?? "", "--yes");
    await bo.ok("artifact", "export", "risk:1.2", "--to", folder, "--why", why);
    expect(readdirSync(folder)).toContain("rows.csv");
    expect(await ana.json<RequestDetail>("request", "show", made.id ?? "")).toMatchObject({ state: "consumed" });
    expect(await bo.fails("artifact", "export", "risk:1.2", "--to", `${folder}2`, "--why", why)).toMatchObject({
      exit: 3,
    });
  });
});

it("access is granted for a purpose and a time, and taken back", async () => {
  expect((await bo.fails("pull", "cohort:v-one", "-o", "out1", "--purpose", "modelling")).next).toMatch(
    /^cloister request create access churn\/cohort:v-one --purpose modelling/,
  );
  const args = ["request", "create", "access", "cohort:v-one", "--purpose", "modelling", "--why", why];
  const { id = "" } = await bo.json<RequestCreated>(...args);
  expect(await bo.fails("pull", "cohort:v-one", "-o", "out1", "--purpose", "modelling")).toMatchObject({ exit: 5 });
  for (const member of [omar, ana]) await member.ok("request", "approve", id, "--yes");
  await bo.ok("pull", "cohort:v-one", "-o", "out1", "--purpose", "modelling");
  await bo.ok("pull", "cohort:v-one", "-o", "out2", "--purpose", "modelling");
  expect((await ana.ok("request", "revoke", id, "--why", "enough")).out).toContain("revoked");
  expect(await bo.fails("pull", "cohort:v-one", "-o", "out3", "--purpose", "modelling")).toMatchObject({ exit: 3 });
});

it("what cannot be, says what to type instead", async () => {
  expect(await bo.fails("request", "create", "export", "risk:1.2")).toMatchObject({ exit: 2 });
  expect(await bo.fails("request", "create", "everything", "risk:1.2", "--why", "x")).toMatchObject({
    ...{ exit: 2, next: expect.stringContaining("declassify") },
  });
  expect(await ana.fails("request", "show", "r-9999")).toMatchObject({ exit: 7, next: "cloister request list --all" });
  expect(await ana.fails("request", "deny", "r-9999")).toMatchObject({
    exit: 2,
    next: expect.stringContaining("--why"),
  });
});
