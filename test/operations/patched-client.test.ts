// What a member with a modified program can publish, and that nobody accepts it: readers decide again by log and policy.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { list } from "../../src/operations/artifact/list.ts";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import type { Session } from "../../src/operations/session.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";
import { unguarded } from "./unguarded.ts";

let folder: string;
let ana: Host;
let bo: Host;

/** Bo may work with models and reports, but only up to internal; Ana owns the project. */
beforeAll(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  const file = join(ana.cwd, "cloister.policy.yaml");
  const text = readFileSync(file, "utf8");
  writeFileSync(file, text.replace(/(data-scientist:[\s\S]*?up-to: )confidential/, "$1internal"));
  await proposePolicy(await sessionOf(ana), {});
  bo = hostIn(folder, "bo");
  const common = { folder: ".", store: "../store", member: "bo", name: "Bo" };
  const { line } = await joinProject(bo, common);
  await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  randomFiles(bo.cwd);
  randomFiles(ana.cwd);
});

test("the honest program refuses, on record", async () => {
  const session = await sessionOf(bo);
  await expect(
    push(session, { source: { path: "data" }, name: "secret", class: "confidential" }),
  ).rejects.toMatchObject({
    code: "POLICY_DENIED",
    refusals: [expect.objectContaining({ rule: expect.stringContaining("role") })],
  });
  expect(session.ledger.events.at(-1)?.event).toMatchObject({ phase: "refused", action: "artifact.push" });
});

test("a push above the role's class gets no number in the log, whatever lies in the store", async () => {
  const secret = { source: { path: "data" }, name: "secret:1", class: "confidential" } as const;
  await expect(push(await unguarded(bo), secret)).rejects.toMatchObject({ code: "FAILURE" });
  const records = readdirSync(join(folder, "store/versions"), { recursive: true, withFileTypes: true });
  expect(records.filter((entry) => entry.isFile())).toHaveLength(1);
  expect((await list(await sessionOf(ana), {})).versions).toEqual([]);
  const wanted = { reference: "secret:1", purpose: "modelling", output: { folder: "out" } };
  await expect(pull(await sessionOf(ana), wanted)).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("a model without a recorded run is ignored, too", async () => {
  const options = { source: { path: "data" }, name: "model:1", kind: "model", class: "internal" } as const;
  await push(await unguarded(bo), { ...options, owner: "bo", licence: "MIT" });
  const { ignored } = await list(await sessionOf(ana), { name: "model" });
  expect(ignored).toEqual([expect.objectContaining({ why: expect.stringContaining("models-say-who-and-what") })]);
});

test("without the class key the patched program reads nothing: mathematics, not manners", async () => {
  await push(await sessionOf(ana), { source: { path: "data" }, name: "cohort:1", class: "confidential" });
  const session = await unguarded(bo);
  await session.sync();
  expect(await session.keys.secret({ domain: "churn", class: "confidential" }, 1)).toBeUndefined();
  const wanted = { reference: "cohort:1", purpose: "modelling", output: { folder: "out" } };
  await expect(pull(session, wanted)).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  expect((await list(await sessionOf(bo), {})).hidden).toContainEqual({ where: "churn/confidential", count: 1 });
});

test("a policy version that is not an owner's never takes force, and stops nobody", async () => {
  const session = await unguarded(bo);
  const me = await session.me();
  const policy = (await session.policy()).compiled.policy;
  const asOwner = { ...policy, owners: { ...policy.owners, members: [...policy.owners.members, me.id] } };
  const patched: Session = {
    ...session,
    policy: async () => ({
      ...(await session.policy()),
      compiled: { ...(await session.policy()).compiled, policy: asOwner },
    }),
  };
  const file = join(bo.cwd, "cloister.policy.yaml");
  const inForce = (await sessionOfSynced(ana)).text;
  writeFileSync(file, inForce.replace("members: [ana]", "members: [ana, bo]"));
  await expect(proposePolicy(patched, {})).rejects.toMatchObject({ code: "FAILURE" });
  const after = await sessionOf(ana);
  await after.sync();
  expect((await after.policy()).compiled.policy.owners.members).toEqual(["ana"]);
  expect((await verifyAudit(await sessionOf(ana))).ok).toBe(true);
  await push(await sessionOf(ana), { source: { path: "data" }, name: "after", class: "internal" });
});

test("a suspended member's new versions do not count, and old intents cannot be finished", async () => {
  const before = await sessionOf(bo);
  await push(before, { source: { path: "data" }, name: "early", class: "internal" });
  const file = join(ana.cwd, "cloister.policy.yaml");
  const { text } = await sessionOfSynced(ana);
  writeFileSync(file, text.replace(/^( {2}bo:.*)\}\s*$/m, "$1, suspended: left }"));
  await proposePolicy(await sessionOf(ana), {});
  await expect(
    push(await unguarded(bo), { source: { path: "data" }, name: "late", class: "internal" }),
  ).rejects.toThrow();
  const seen = await list(await sessionOf(ana), {});
  expect(seen.versions.map((version) => version.name)).toContain("early");
  expect(seen.versions.map((version) => version.name)).not.toContain("late");
});

async function sessionOfSynced(host: Host) {
  const session = await sessionOf(host);
  await session.sync();
  return session.policy();
}

test("no plain text, name, label or path stands in the store", async () => {
  const marker = readFileSync(join(ana.cwd, "data/a.csv"), "utf8").split("\n")[0] ?? "";
  const store = join(folder, "store");
  const paths = readdirSync(store, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const words = [marker, "a.csv", "b.bin", "cohort", "early", "modelling-secret"];
  for (const entry of paths) {
    const path = join(entry.parentPath, entry.name);
    const content = readFileSync(path);
    for (const word of words) expect(content.includes(word) || path.includes(word), `${word} in ${path}`).toBe(false);
  }
});

test("an intent that was kept until its signer was demoted makes no version that counts", async () => {
  const other = scratch();
  const owner = await makeProject(other);
  const dee = hostIn(other, "dee");
  const { line } = await joinProject(dee, { folder: ".", store: "../store", member: "dee", name: "Dee" });
  await addMember(await sessionOf(owner), { line, roles: ["data-scientist"] });
  randomFiles(dee.cwd);
  /** Data scientists reach public only, from now on. */
  const demote = async (): Promise<void> => {
    const { text } = await sessionOfSynced(owner);
    const lower = text.replace(/(data-scientist:[\s\S]*?up-to: )confidential/, "$1public");
    writeFileSync(join(owner.cwd, "cloister.policy.yaml"), lower);
    await proposePolicy(await sessionOf(owner), {});
  };
  // Dee's program stops where the version would be created, until the role was lowered.
  const session = await sessionOf(dee, (store) => ({
    url: store.url,
    get: (name, most) => store.get(name, most),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    delete: (name) => store.delete(name),
    now: () => store.now(),
    create: async (name, parts) => {
      if (name.startsWith("versions/")) await demote();
      return store.create(name, parts);
    },
  }));
  await push(session, { source: { path: "data" }, name: "kept:1", kind: "report", class: "internal" });
  const { ignored, versions } = await list(await sessionOf(owner), { name: "kept" });
  expect(versions).toEqual([]);
  expect(ignored).toEqual([expect.objectContaining({ why: expect.stringContaining("any more when it ended") })]);
});
