// A version in a lower class: by a declassification that others consented to, of the same content, once.
import { beforeAll, expect, test } from "vitest";
import { crossingFacts } from "../../../../src/operations/artifact/crossing.ts";
import { list, show } from "../../../../src/operations/artifact/list.ts";
import { pull } from "../../../../src/operations/artifact/pull.ts";
import { push } from "../../../../src/operations/artifact/push.ts";
import { checkSource } from "../../../../src/operations/artifact/push-content.ts";
import { resolve } from "../../../../src/operations/artifact/resolve.ts";
import { verifyReference } from "../../../../src/operations/artifact/verify.ts";
import { contentOf } from "../../../../src/operations/artifact/version-content.ts";
import { declassify } from "../../../../src/operations/stage/declassify.ts";
import type { Pushed } from "../../../../src/operations/types.ts";
import { logEntry } from "../../governance/entries.ts";
import { randomFiles, sessionOf } from "../../project.ts";
import { unguarded } from "../../unguarded.ts";
import { type Person, World } from "./world.ts";

let world: World;

/** Declassifying needs a reviewer. */
beforeAll(async () => {
  world = await World.make();
  await world.changePolicy((text) =>
    text
      .replace("\nrules:", "\nseparate:\n  - { who: request.create, cannot: request.approve }\n\nrules:")
      .replace(
        /\nrules:[^\n]*\n/,
        (line) =>
          `${line}  declassify-needs-review:\n    on: [artifact.declassify]\n    require: { approvals: { reviewer: 1 } }\n`,
      ),
  );
});

const JUST = "only sums are left";

async function lowered(by: Person, reference: string, to = "internal") {
  return declassify(await world.as(by), { reference, to, justification: JUST });
}

/** What readers of an artifact see of it. */
async function seen(name: string) {
  const { versions, ignored } = await list(await world.as("ana"), { name });
  return { classes: versions.map((version) => version.class), ignored: ignored.map(({ why }) => why) };
}

/** Bo's program without its checks: it logs a declassification and pushes what it likes by it. */
async function forge(
  old: Pushed,
  forged: { readonly class?: string; readonly toClass?: string; readonly content?: "other"; readonly request?: number },
): Promise<Pushed> {
  const session = await unguarded(world.hosts.bo);
  await session.sync();
  const { versionId, domain, class: klass } = old;
  const { class: pushedClass = "internal", toClass = "internal", content, request } = forged;
  const facts = { toClass, ...(request === undefined ? {} : { requestEntry: request }) };
  const act = await logEntry(session, { action: "artifact.declassify", versionId, domain, class: klass, facts });
  const version = await resolve(session, old.reference, { action: "artifact.declassify" });
  const { path } = randomFiles(world.hosts.bo.cwd);
  const other = await checkSource(session, { source: { path }, name: old.name });
  const options = { source: { path }, name: old.name, class: pushedClass, kind: "dataset" as const };
  return push(session, options, {
    source: async () =>
      content === "other" && other ? other : { files: await contentOf(session, version), bytesTotal: 0, sayers: [] },
    label: { class: pushedClass, from: "nothing" },
    ran: false,
    inputs: [],
    facts: crossingFacts("declassify", versionId, act.event.operation),
    journal: [versionId, act.event.operation],
  });
}

test("the same files as a new version of the lower class, whose provenance names the old one", async () => {
  const old = await world.push("report:1", "confidential");
  await expect(lowered("bo", "report:1")).rejects.toMatchObject({
    refusals: [expect.objectContaining({ rule: "declassify-needs-review" })],
  });
  await world.ask("bo", "declassify", "report:1", { to: "internal" });
  const made = await lowered("bo", "report:1");
  expect(made).toMatchObject({ class: "internal", number: 2, digest: old.digest, from: { class: "confidential" } });
  const detail = await show(await world.as("priya"), "report:v2");
  expect(detail.inputs).toEqual([expect.objectContaining({ class: "confidential", digest: old.digest })]);
  expect((await verifyReference(await world.as("priya"), "report:v2")).ok).toBe(true);
  const output = { folder: "out-report" };
  const pulled = await pull(await world.as("priya"), { reference: "report:v2", output, purpose: "modelling" });
  expect(pulled.versionId).toBe(made.versionId);
  expect(await seen("report")).toEqual({ classes: ["confidential", "internal"], ignored: [] });
});

test("consent is used up by one declassification", async () => {
  await expect(lowered("bo", "report:1")).rejects.toMatchObject({ code: "POLICY_DENIED" });
});

test("a higher class, the same, and one that there is not are mistakes", async () => {
  for (const to of ["confidential", "restricted", "internl"]) {
    await expect(lowered("bo", "report:1", to), to).rejects.toMatchObject({ code: "USAGE" });
  }
});

test("consent to another version, another class or somebody else's wish does not count", async () => {
  await world.push("plan:1", "confidential");
  await world.push("plan:2", "confidential");
  await world.ask("bo", "declassify", "plan:1", { to: "public" });
  await world.ask("bo", "declassify", "plan:2", { to: "internal" });
  await world.ask("dee", "declassify", "plan:1", { to: "internal" });
  await expect(lowered("bo", "plan:1")).rejects.toMatchObject({ code: "POLICY_DENIED" });
});

test("without consent, a patched client's version is ignored by everybody", async () => {
  const old = await world.push("alone:1", "confidential");
  await forge(old, {});
  const { classes, ignored } = await seen("alone");
  expect(classes).toEqual(["confidential"]);
  expect(ignored).toEqual([expect.stringContaining("declassify-needs-review")]);
});

test("consent does not cover another content, and whoever can see both notices", async () => {
  const old = await world.push("swap:1", "confidential");
  const id = await world.ask("bo", "declassify", "swap:1", { to: "internal" });
  await forge(old, { content: "other", request: Number(id.slice(2)) });
  const { classes, ignored } = await seen("swap");
  expect(classes).toEqual(["confidential"]);
  expect(ignored).toEqual([expect.stringContaining("another content")]);
});

test("consent to one class does not let a version into another", async () => {
  const old = await world.push("deep:1", "confidential");
  const id = await world.ask("bo", "declassify", "deep:1", { to: "internal" });
  await forge(old, { class: "public", request: Number(id.slice(2)) });
  const { classes, ignored } = await seen("deep");
  expect(classes).toEqual(["confidential"]);
  expect(ignored).toEqual([expect.stringContaining("another class")]);
});

test("the same consent is not good for a second version, whoever replays it", async () => {
  const old = await world.push("twice:1", "confidential");
  const id = await world.ask("bo", "declassify", "twice:1", { to: "internal" });
  await lowered("bo", "twice:1");
  await forge(old, { request: Number(id.slice(2)) });
  const { classes, ignored } = await seen("twice");
  expect(classes).toEqual(["confidential", "internal"]);
  expect(ignored).toEqual([expect.stringContaining("declassify-needs-review")]);
});

test("what was interrupted is gone on with by the same command, on the same consent", async () => {
  await world.push("cut:1", "confidential");
  await world.ask("bo", "declassify", "cut:1", { to: "internal" });
  let killed = false;
  const session = await sessionOf(world.hosts.bo, (store) => ({
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    delete: (name) => store.delete(name),
    now: () => store.now(),
    create: async (name, parts) => {
      killed ||= name.startsWith("seals/");
      // Whoever was killed logs nothing any more, either.
      if (killed) throw new Error("killed");
      return store.create(name, parts);
    },
  }));
  await expect(declassify(session, { reference: "cut:1", to: "internal", justification: JUST })).rejects.toThrow(
    "killed",
  );
  expect((await seen("cut")).classes).toEqual(["confidential"]);
  expect(await lowered("bo", "cut:1")).toMatchObject({ number: 2, class: "internal", resumed: true });
  expect(await seen("cut")).toEqual({ classes: ["confidential", "internal"], ignored: [] });
});
