// What patched programs log about versions: the independent reader passes over the same of it as we do.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { list, show } from "../../src/operations/artifact/list.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { begin } from "../../src/operations/guard.ts";
import type { Session } from "../../src/operations/session.ts";
import { promote } from "../../src/operations/stage/promote.ts";
import { tag as tagVersion } from "../../src/operations/stage/tag.ts";
import { logOperation } from "../operations/governance/entries.ts";
import { randomFiles, sessionOf } from "../operations/project.ts";
import { type Person, World } from "../operations/team/stage/world.ts";
import { unguarded } from "../operations/unguarded.ts";
import { show as showByPython } from "./golden-store.ts";
import { lacking } from "./python-reader.ts";

const title = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

/** Ana's view of a version by both programs; what they say of it is the same. */
async function seen(world: World, reference: string) {
  const ana = world.hosts.ana;
  const key = join(ana.cwd, "identity.txt");
  const session = await sessionOf(ana);
  writeFileSync(key, `${(await session.identity()).ageSecret}\n`, { mode: 0o600 });
  const at = { store: join(world.folder, "store"), folder: ana.cwd, home: ana.home, key, env: {} };
  const { status, result, stderr } = await showByPython(at, `churn/${reference}`);
  expect(stderr).toBe("");
  expect(status).toBe(0);
  const ours = await show(session, reference);
  const statements = ours.statements?.map(({ kind, by, result: said }) => ({ kind, by, result: said })) ?? [];
  expect(result).toMatchObject({ number: ours.number, stage: ours.stage, tags: ours.tags ?? [], statements });
  expect([result.retired, result.held]).toEqual([ours.retired !== undefined, ours.held !== undefined]);
  return { stage: result.stage, number: result.number, ignored: ours.ignored.length };
}

test.skipIf(lacking !== "")(`promotions, statements, tags and ends that nobody was allowed${title}`, async () => {
  const world = await World.make();
  const as = (person: Person): Promise<Session> => world.as(person);
  const { versionId, domain, class: klass } = await world.push("risk:1");
  const about = { versionId, domain, class: klass };
  const promotion = (from: string, to: string) => ({
    action: "artifact.promote",
    ...about,
    facts: { stage: from, toStage: to },
  });
  const stating = {
    action: "artifact.attest",
    ...about,
    facts: { kind: "bias-review", result: "fail", digest: "ab".repeat(32) },
  };

  await logOperation(await as("bo"), promotion("dev", "candidate"));
  expect(await seen(world, "risk:1")).toMatchObject({ stage: "dev", ignored: 1 });
  await world.state("ci", "risk:1", "tests-passed");
  await promote(await as("bo"), { reference: "risk:1", to: undefined });
  await logOperation(await as("bo"), stating);
  await logOperation(await as("ci"), stating);
  await logOperation(await as("priya"), promotion("candidate", "production"));
  await logOperation(await as("dee"), promotion("candidate", "production"));
  expect(await seen(world, "risk:1")).toMatchObject({ stage: "candidate", ignored: 5 });

  const tag = { action: "artifact.tag", ...about, facts: { tagId: "cd".repeat(32) } };
  await tagVersion(await as("bo"), { reference: "risk:1", tag: "champion" });
  await logOperation(await as("ci"), tag);
  const end = (retire: string) => ({ action: "artifact.retire", ...about, facts: { retire } });
  for (const step of ["retire", "hold", "shred"]) await logOperation(await as("bo"), end(step));
  const { ignored } = await seen(world, "risk:1");
  expect(ignored).toBeGreaterThan(6);
});

test.skipIf(lacking !== "")(`versions that nobody was allowed to push${title}`, async () => {
  const world = await World.make();
  await world.changePolicy((text) => text.replace("always:", "always:\n  label-floor: 30d"));
  await world.push("plain:1");
  const { versionId, domain } = await world.push("secret:1", "confidential");
  // Dee takes confidential data out, and pushes below it with a program that does not mind.
  const out = { action: "artifact.pull", domain, class: "confidential", versionId, facts: { bytes: 1 } };
  await logOperation(await world.as("dee"), out);
  const { dee, priya } = world.hosts;
  randomFiles(dee.cwd);
  randomFiles(priya.cwd);
  const low = { source: { path: "data" }, name: "plain", class: "internal" };
  await push(await unguarded(dee), low);
  // Priya has no role that pushes: her push does not even take the number.
  const began = await begin(await unguarded(priya), {
    title: "",
    action: "artifact.push",
    domain,
    class: "internal",
    sealed: {},
  });
  await expect(
    began.done(() => ({ versionId: "ef".repeat(32), facts: { nameId: "ab".repeat(32), number: 1 } })),
  ).rejects.toThrow();
  expect(await seen(world, "plain")).toMatchObject({ number: 1 });
  const { ignored } = await list(await world.as("ana"), { name: "plain" });
  expect(ignored.map(({ why }) => why).join()).toMatch(/class/);
});
