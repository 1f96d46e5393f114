// Asking to join: what is filed, what it proves, what a writer to the store can plant, and what an invitation notices.
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { canonicalBytes } from "../../src/base/json.ts";
import { parseEnvelope, signEnvelope } from "../../src/keys/dsse.ts";
import { generateIdentity } from "../../src/keys/identity.ts";
import type { Host } from "../../src/operations/host.ts";
import { listMembers } from "../../src/operations/member/list.ts";
import { approveJoin, denyJoin } from "../../src/operations/project/answer-join.ts";
import { invite } from "../../src/operations/project/invitation.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { writeLine } from "../../src/operations/project/join-line.ts";
import { listJoins } from "../../src/operations/project/joins.ts";
import type { Joined, JoinOptions } from "../../src/operations/types.ts";
import { hostIn, makeProject, scratch, sessionOf } from "./project.ts";
import { synced } from "./request-project.ts";

let folder: string;
let ana: Host;
let joins: string;

beforeEach(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  joins = join(folder, "store/joins");
});

function ask(id: string, options: Partial<JoinOptions> = {}): Promise<Joined> {
  const common = { folder: ".", store: "../store", member: id, name: `Person ${id}` };
  return joinProject(hostIn(folder, id), { ...common, ...options });
}

const waiting = async () => listJoins(await synced(ana));
const members = async () => (await listMembers(await sessionOf(ana))).map(({ id }) => id);

const JOIN_TYPE = "application/vnd.cloister.join-request.v1+json";

describe("a join request", () => {
  test("is filed once, proves both keys, and lets in who was compared", async () => {
    const joined = await ask("bo");
    expect((await ask("bo")).request).toBe(joined.request);
    expect(await waiting()).toEqual({
      joins: [
        {
          ...{ id: joined.request, member: "bo", name: "Person bo", fingerprint: joined.fingerprint },
          ...{ deviceOf: undefined, invitedBy: undefined, roles: [], readingKey: "proven" },
        },
      ],
      junk: 0,
    });
    const options = { id: joined.request ?? "", roles: ["data-scientist"] };
    await expect(approveJoin(await sessionOf(ana), { ...options, roles: [] })).rejects.toMatchObject({ code: "USAGE" });
    expect(await approveJoin(await sessionOf(ana), { ...options, dryRun: true })).toMatchObject({
      member: { dryRun: true },
    });
    expect(await approveJoin(await sessionOf(ana), options)).toMatchObject({
      member: { member: "bo", fingerprint: joined.fingerprint },
    });
    expect(await members()).toEqual(["ana", "bo"]);
    expect(await waiting()).toEqual({ joins: [], junk: 0 });
  });

  test("that names somebody else's reading key is noticed, and lets nobody in", async () => {
    const bo = await ask("bo");
    const eve = await generateIdentity();
    const { config } = await synced(ana);
    const victim = (await (await sessionOf(hostIn(folder, "bo"))).device()).reads;
    const claim = {
      project: config.project,
      pin: config.pin,
      member: "eve",
      name: "Eve",
      signs: eve.signs,
      reads: victim,
    };
    const line = await writeLine(claim, eve);
    // She has the tags that Bo made, but they are over his line.
    const [file = ""] = readdirSync(joins);
    const payload = JSON.parse(
      Buffer.from(parseEnvelope(readFileSync(join(joins, file)), JOIN_TYPE, "", 1e6).payload).toString(),
    );
    const forged = canonicalBytes({ v: 1, line, proofs: payload.proofs });
    writeFileSync(join(joins, sha256Hex(forged)), await signEnvelope(JOIN_TYPE, forged, eve));
    const found = (await waiting()).joins.find(({ member }) => member === "eve");
    expect(found).toMatchObject({ readingKey: "forged" });
    const approved = approveJoin(await sessionOf(ana), { id: found?.id ?? "", roles: ["data-scientist"] });
    await expect(approved).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(await members()).toEqual(["ana"]);
    expect((await waiting()).joins.map(({ id }) => id)).toContain(bo.request);
  });

  test("without a proof for this device waits until it is made", async () => {
    const eve = await generateIdentity();
    const { config } = await synced(ana);
    const { signs, reads } = eve;
    const line = await writeLine(
      { project: config.project, pin: config.pin, member: "eve", name: "Eve", signs, reads },
      eve,
    );
    const payload = canonicalBytes({ v: 1, line, proofs: [] });
    mkdirSync(joins, { recursive: true });
    writeFileSync(join(joins, sha256Hex(payload)), await signEnvelope(JOIN_TYPE, payload, eve));
    const [found] = (await waiting()).joins;
    expect(found).toMatchObject({ readingKey: "unknown" });
    const approved = approveJoin(await sessionOf(ana), { id: found?.id ?? "", roles: ["data-scientist"] });
    await expect(approved).rejects.toMatchObject({ code: "USAGE", next: expect.stringContaining("cloister join") });
  });

  test("of a member's further device lets that in, with the keys and the roles of its member", async () => {
    const joined = await ask("tablet", { member: "ana", deviceOf: "ana" });
    expect((await waiting()).joins).toEqual([expect.objectContaining({ deviceOf: "ana", member: "ana" })]);
    const id = joined.request ?? "";
    await expect(approveJoin(await sessionOf(ana), { id, roles: ["steward"] })).rejects.toMatchObject({
      code: "USAGE",
    });
    expect(await approveJoin(await sessionOf(ana), { id, roles: [], name: "tablet" })).toMatchObject({
      device: { member: "ana", given: expect.arrayContaining(["churn/confidential"]) },
    });
    expect((await (await synced(hostIn(folder, "tablet"))).me()).id).toBe("ana");
    await expect(ask("cy", { deviceOf: "nobody" })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("is seen by those who may add members, and can be removed by them", async () => {
    const bo = await ask("bo");
    await approveJoin(await sessionOf(ana), { id: bo.request ?? "", roles: ["data-scientist"] });
    const cy = await ask("cy");
    expect(await listJoins(await synced(hostIn(folder, "bo")))).toEqual({ joins: [], junk: 0 });
    await expect(denyJoin(await synced(hostIn(folder, "bo")), { id: cy.request ?? "" })).rejects.toMatchObject({
      code: "POLICY_DENIED",
    });
    expect(await denyJoin(await sessionOf(ana), { id: cy.request ?? "" })).toEqual({ id: cy.request });
    expect((await waiting()).joins).toEqual([]);
  });

  test("junk is counted and hides nobody: neither files, nor requests for other projects, nor thousands of them", async () => {
    const bo = await ask("bo");
    for (let number = 0; number < 60; number++) writeFileSync(join(joins, sha256Hex(String(number))), "junk");
    writeFileSync(join(joins, "notes.txt"), "junk");
    writeFileSync(join(joins, sha256Hex("large")), Buffer.alloc(60_000));
    const [file = ""] = readdirSync(joins).filter((name) => name.startsWith(bo.request?.slice(2) ?? "?"));
    cpSync(join(joins, file), join(joins, sha256Hex("copy")));
    const listing = await waiting();
    expect(listing.joins.map(({ id }) => id)).toEqual([bo.request]);
    expect(listing.junk).toBe(63);
  });

  test("is found by its id, however much lies before it", async () => {
    const { request: id = "" } = await ask("bo");
    for (let number = 0; number < 250; number++) {
      writeFileSync(join(joins, `00${sha256Hex(String(number)).slice(2)}`), "junk");
    }
    const options = { id, roles: ["data-scientist"] };
    expect(await approveJoin(await sessionOf(ana), options)).toMatchObject({ member: { member: "bo" } });
  });
});

describe("an invitation", () => {
  test("says where the store is, who invited, and the role in mind", async () => {
    const { line } = await invite(await sessionOf(ana), { roles: ["data-scientist"] });
    const joined = await ask("bo", { store: "", invitation: line });
    expect(joined).toMatchObject({ invitedBy: "ana", project: "churn" });
    expect((await waiting()).joins).toEqual([expect.objectContaining({ invitedBy: "ana", roles: ["data-scientist"] })]);
    expect(await approveJoin(await sessionOf(ana), { id: joined.request ?? "", roles: [] })).toMatchObject({
      member: { roles: ["data-scientist"] },
    });
  });

  test("refuses an older state of the store, another store, and leaves nothing of it behind", async () => {
    cpSync(join(folder, "store"), join(folder, "older"), { recursive: true });
    await ask("bo").then(({ request = "" }) =>
      sessionOf(ana).then((s) => approveJoin(s, { id: request, roles: ["data-scientist"] })),
    );
    const { line } = await invite(await sessionOf(ana), { roles: [] });
    renameSync(join(folder, "store"), join(folder, "newer"));
    renameSync(join(folder, "older"), join(folder, "store"));
    await expect(ask("cy", { invitation: line })).rejects.toMatchObject({
      code: "INTEGRITY",
      why: expect.stringMatching(/ana saw/),
    });
    expect(readdirSync(join(folder, "cy"))).toEqual([]);
    // Another history from the same beginning.
    await ask("dee").then(({ request = "" }) =>
      sessionOf(freshAna()).then((s) => approveJoin(s, { id: request, roles: ["steward"] })),
    );
    await expect(ask("cy", { invitation: line })).rejects.toMatchObject({ code: "INTEGRITY" });
    const other = scratch();
    await makeProject(other);
    await expect(ask("cy", { store: join(other, "store"), invitation: line })).rejects.toMatchObject({
      code: "INTEGRITY",
    });
    rmSync(join(folder, "store"), { recursive: true });
    renameSync(join(folder, "newer"), join(folder, "store"));
    expect(await ask("cy", { invitation: line })).toMatchObject({ invitedBy: "ana" });
  });

  test("that was changed, or is of somebody who is no member, is refused", async () => {
    const { line } = await invite(await sessionOf(ana), { roles: [] });
    const start = line.length - 60;
    const changed = `${line.slice(0, start)}${line[start] === "A" ? "B" : "A"}${line.slice(start + 1)}`;
    await expect(ask("cy", { invitation: changed })).rejects.toMatchObject({ code: "INTEGRITY" });
    const envelope = parseEnvelope(
      Buffer.from(line.slice("cloister-invite-1.".length), "base64url"),
      "application/vnd.cloister.invitation.v1+json",
      "",
      1e5,
    );
    const forged = await signEnvelope(envelope.payloadType, envelope.payload, await generateIdentity());
    const by = `cloister-invite-1.${Buffer.from(forged).toString("base64url")}`;
    await expect(ask("cy", { invitation: by })).rejects.toMatchObject({ code: "INTEGRITY" });
  });
});

/** Ana on a device that has not seen the newer state. */
function freshAna(): Host {
  rmSync(join(ana.home, ".local"), { recursive: true, force: true });
  return ana;
}
