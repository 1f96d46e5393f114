// What lies behind a statement in the store: readers hold it to the log, and what is wrong with it takes nothing back.
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { sha256Hex } from "../../../../src/base/digest.ts";
import { show } from "../../../../src/operations/artifact/list.ts";
import { resolve } from "../../../../src/operations/artifact/resolve.ts";
import { verifyReference } from "../../../../src/operations/artifact/verify.ts";
import { promote } from "../../../../src/operations/stage/promote.ts";
import { encodeEvidence, sealStatement, statementName } from "../../../../src/operations/stage/statement-object.ts";
import type { Evidence } from "../../../../src/provenance/evidence.ts";
import { logOperation } from "../../governance/entries.ts";
import { World } from "./world.ts";

let world: World;

beforeAll(async () => {
  world = await World.make();
});

/** Where the statements of a version lie in the store's folder. */
function folderOf(versionId: string): string {
  return join(world.folder, "store/statements/churn/internal", versionId);
}

async function statementChecks(reference: string) {
  const { ok, checks } = await verifyReference(await world.as("ana"), reference);
  return { ok, texts: checks.filter(({ name }) => name === "statement").map(({ text }) => text) };
}

/** A statement as Priya's own program could make it: what it says, what is logged of it, and what is stored. */
async function forge(reference: string, over: Partial<Evidence>, document = Buffer.from("fine")): Promise<void> {
  const session = await world.as("priya");
  await session.sync();
  const version = await resolve(session, reference, { action: "artifact.attest" });
  const { record, versionId, header } = version;
  const operation = "ab".repeat(16);
  const evidence: Evidence = {
    ...{ projectId: record.project, domain: "churn", name: header.name, number: record.number, versionId },
    ...{ dirHash: header.dirHash, omsRoot: "cd".repeat(32), kind: "bias-review", result: "pass", by: "priya" },
    document: { name: "review.txt", bytes: 4, sha256: sha256Hex("fine") },
    ...{ operationId: operation, statedAt: "2026-01-02T03:04:05Z" },
    ...over,
  };
  const encoded = encodeEvidence(evidence);
  const sealed = await sealStatement(version, encoded, document, await session.identity());
  await session.store.create(statementName(version, encoded.digest), [sealed]);
  const facts = { kind: "bias-review", result: "pass", digest: encoded.digest };
  await logOperation(session, { action: "artifact.attest", versionId, domain: "churn", class: "internal", facts });
}

test("one that is gone makes verifying fail, and leaves the version where it was promoted to", async () => {
  const { versionId } = await world.push("gone:1");
  await world.state("ci", "gone:1", "tests-passed");
  await promote(await world.as("bo"), { reference: "gone:1" });
  expect((await statementChecks("gone:1")).ok).toBe(true);
  rmSync(folderOf(versionId), { recursive: true });
  const { ok, texts } = await statementChecks("gone:1");
  expect(ok).toBe(false);
  expect(texts).toEqual([expect.stringContaining("missing from the store")]);
  expect((await show(await world.as("ana"), "gone:1")).stage).toBe("candidate");
});

test("one that was altered is noticed", async () => {
  const { versionId } = await world.push("altered:1");
  await world.state("ci", "altered:1", "tests-passed");
  const [name = ""] = readdirSync(folderOf(versionId));
  const file = join(folderOf(versionId), name);
  const bytes = readFileSync(file);
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] ?? 0) ^ 1;
  rmSync(file);
  writeFileSync(file, bytes);
  expect(await statementChecks("altered:1")).toEqual({ ok: false, texts: [expect.stringContaining("damaged")] });
});

test("one that was copied from another version is none there", async () => {
  const from = await world.push("copied:1");
  const to = await world.push("copied:2");
  const { digest = "" } = await world.state("priya", "copied:1", "bias-review");
  mkdirSync(dirname(folderOf(to.versionId)), { recursive: true });
  cpSync(folderOf(from.versionId), folderOf(to.versionId), { recursive: true });
  const { versionId, domain, class: klass } = to;
  const facts = { kind: "bias-review", result: "pass", digest };
  await logOperation(await world.as("priya"), { action: "artifact.attest", versionId, domain, class: klass, facts });
  expect(await statementChecks("copied:2")).toEqual({ ok: false, texts: [expect.stringContaining("damaged")] });
  expect((await statementChecks("copied:1")).ok).toBe(true);
});

test.each<[string, Partial<Evidence>, string]>([
  ["another version", { versionId: "ef".repeat(32) }, "version"],
  ["another result than was logged", { result: "fail" }, "result"],
  ["another kind", { kind: "tests-passed" }, "kind"],
  ["another member", { by: "ana" }, "member"],
  ["another operation", {}, "operation"],
])("one that its signer signed about %s contradicts the log", async (what, over, named) => {
  const name = `signed-${what.replaceAll(" ", "-")}`;
  await world.push(`${name}:1`);
  await forge(`${name}:1`, over);
  const { ok, texts } = await statementChecks(`${name}:1`);
  expect({ ok, texts }).toEqual({
    ok: false,
    texts: [expect.stringContaining(`contradicts the log or the version: ${named}`)],
  });
});

test("a document that the statement does not speak of is noticed", async () => {
  await world.push("exchanged:1");
  await forge("exchanged:1", {}, Buffer.from("evil"));
  expect((await statementChecks("exchanged:1")).texts).toEqual([expect.stringContaining("document is another one")]);
});
