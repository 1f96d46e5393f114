// Entries that a member with a modified program can sign, and objects that a writer can plant: what they must not reach.
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { AuditEvent } from "../../src/audit/event.ts";
import { deviceIdOf, keyIdOf } from "../../src/keys/identity.ts";
import { labelOf } from "../../src/operations/artifact/label.ts";
import { list } from "../../src/operations/artifact/list.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import type { Session } from "../../src/operations/session.ts";
import type { Store } from "../../src/store/store.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";

let folder: string;
let ana: Host;
let eve: Host;

beforeEach(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  eve = hostIn(folder, "eve");
  const { line } = await joinProject(eve, { folder: ".", store: "../store", member: "eve", name: "Eve" });
  await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  randomFiles(ana.cwd);
  await push(await sessionOf(ana), { source: { path: "data" }, name: "cohort:1.0", class: "internal" });
});

/** Logs what Eve likes, as her program could. */
async function log(session: Session, over: Partial<AuditEvent>): Promise<void> {
  await session.sync();
  const common = {
    project: session.config.project,
    operation: randomBytes(16).toString("hex"),
    phase: "intent" as const,
  };
  const decided = { rules: ["role:data-scientist"], enforcement: "advisory", policy: session.ledger.inForce.version };
  const timeMs = Math.floor(await session.store.now());
  await session.append(await session.identity(), () => ({
    ...common,
    ...decided,
    timeMs,
    action: "artifact.push",
    ...over,
  }));
}

async function anaCanGoOn(): Promise<void> {
  const pushed = await push(await sessionOf(ana), { source: { path: "data" }, name: "cohort", class: "internal" });
  expect((await verifyReference(await sessionOf(ana), "cohort")).checks.filter((c) => c.state === "bad")).toEqual([]);
  expect((await list(await sessionOf(ana), {})).versions.map((v) => v.versionId)).toContain(pushed.versionId);
  expect((await verifyAudit(await sessionOf(ana))).checks.filter((c) => c.state === "bad")).toEqual([]);
}

test.each([
  ["a number far ahead", { number: 2 ** 53 - 1 }],
  ["a number that was given", { number: 1 }],
  ["no class", { number: 2, class: undefined }],
])("a push said to be done with %s is not admitted", async (_, { number, ...over }) => {
  const session = await sessionOf(eve);
  await session.sync();
  const [nameId = ""] = session.ledger.artifactsIn("churn");
  const about = { operation: randomBytes(16).toString("hex"), domain: "churn", class: "internal", ...over };
  await log(session, about);
  const done = {
    ...about,
    phase: "done" as const,
    versionId: randomBytes(32).toString("hex"),
    facts: { nameId, number },
  };
  await expect(log(session, done)).rejects.toMatchObject({ code: "FAILURE" });
  await anaCanGoOn();
});

test("a policy change by somebody who is no owner is not admitted, and nothing is fetched for it", async () => {
  const session = await sessionOf(eve);
  const operation = randomBytes(16).toString("hex");
  await log(session, { operation, action: "policy.change" });
  const facts = { policyVersion: 3, policyDigest: "ab".repeat(32), epochs: {} };
  await expect(log(session, { operation, action: "policy.change", phase: "done", facts })).rejects.toMatchObject({
    code: "FAILURE",
  });
  await anaCanGoOn();
});

test("a version id is given once: nobody raises the class of what others mounted, afterwards", async () => {
  const session = await sessionOf(eve);
  await session.sync();
  const nameId = randomBytes(32).toString("hex");
  const [versionId = ""] = (await list(session, {})).versions.map((version) => version.versionId);
  const about = { operation: randomBytes(16).toString("hex"), domain: "churn", class: "confidential" };
  await log(session, about);
  const done = log(session, { ...about, phase: "done" as const, versionId, facts: { nameId, number: 1 } });
  await expect(done).rejects.toMatchObject({ code: "FAILURE" });
  expect(session.ledger.versionById(versionId)?.done.event.class).toBe("internal");
});

test("a version id that somebody else logged first costs a record, not the push", async () => {
  const session = await sessionOf(eve);
  const nameId = randomBytes(32).toString("hex");
  const about = { operation: randomBytes(16).toString("hex"), domain: "churn", class: "internal" };
  await log(session, about);
  let stolen = false;
  const watched = await sessionOf(ana, (store) => ({
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    delete: (name) => store.delete(name),
    now: () => store.now(),
    create: async (name, parts) => {
      const made = await store.create(name, parts);
      if (!name.startsWith("versions/") || stolen) return made;
      stolen = true;
      const versionId = name.slice(-64);
      await log(session, { ...about, phase: "done" as const, versionId, facts: { nameId, number: 1 } });
      return made;
    },
  }));
  const pushed = await push(watched, { source: { path: "data" }, name: "cohort", class: "internal" });
  expect([stolen, pushed.number]).toEqual([true, 2]);
  await anaCanGoOn();
});

test("mounts that others log under a workspace's id are nothing to it", async () => {
  const workspace = randomBytes(16).toString("hex");
  const session = await sessionOf(eve);
  const mount = { action: "workspace.mount", domain: "churn", class: "confidential", workspace };
  await log(session, { ...mount, versionId: randomBytes(32).toString("hex") });
  await session.sync();
  const classes = ["public", "internal", "confidential"];
  const keyOf = async (host: Host) => keyIdOf((await (await sessionOf(host)).device()).signs);
  expect(labelOf(session.ledger, { workspace, keyId: await keyOf(ana) }, classes)).toBeUndefined();
  expect(labelOf(session.ledger, { workspace, keyId: await keyOf(eve) }, classes)?.class).toBe("confidential");
});

test("junk where new keys will be kept does not lose what is pushed after an epoch was raised", async () => {
  const { reads } = await (await sessionOf(ana)).device();
  for (const klass of ["public", "internal", "confidential"]) {
    for (const epoch of ["2", "3"]) {
      const place = join(folder, "store/keys/churn", klass, epoch);
      mkdirSync(place, { recursive: true });
      writeFileSync(join(place, deviceIdOf(reads)), "junk");
    }
  }
  const file = join(ana.cwd, "cloister.policy.yaml");
  writeFileSync(file, readFileSync(file, "utf8").replace(/(churn: +\{ owner: ana, epoch: )1/, "$12"));
  await proposePolicy(await sessionOf(ana), {});
  await anaCanGoOn();
});

test("junk at the next names of an artifact, and planted folders, stop no push", async () => {
  const session = await sessionOf(ana);
  await session.sync();
  const [nameId = ""] = session.ledger.artifactsIn("churn");
  for (let number = 2; number < 60; number++) {
    writeFileSync(join(folder, "store/versions/churn", nameId, String(number).padStart(8, "0")), "");
  }
  writeFileSync(join(folder, "store/condemned"), "");
  await anaCanGoOn();
});

test("a log that was replaced by a file ends with an error, not with a search without end", async () => {
  rmSync(join(folder, "store/log"), { recursive: true });
  writeFileSync(join(folder, "store/log"), "");
  rmSync(join(eve.home, ".local"), { recursive: true, force: true });
  await expect((await sessionOf(eve)).sync()).rejects.toMatchObject({ code: "INTEGRITY" });
});

test("an entry dated ahead stops its readers and names who committed it", async () => {
  const ahead = Date.now() + 3_600_000;
  const other = await sessionOf(eve, (store) => aheadOf(store, ahead));
  await log(other, {});
  await expect((await sessionOf(ana)).sync()).rejects.toMatchObject({
    code: "INTEGRITY",
    why: expect.stringContaining("eve"),
  });
});

function aheadOf(store: Store, now: number): Store {
  return {
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    create: (name, parts) => store.create(name, parts),
    delete: (name) => store.delete(name),
    now: async () => now,
  };
}
