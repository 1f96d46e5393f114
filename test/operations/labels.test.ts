// Attacks on a workspace's label and on the runs a push names, by a member with a modified program: readers go by the log.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test, vi } from "vitest";
import { list } from "../../src/operations/artifact/list.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { resolve } from "../../src/operations/artifact/resolve.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Version } from "../../src/operations/artifact/versions.ts";
import { begin, type Operation } from "../../src/operations/guard.ts";
import type { Host } from "../../src/operations/host.ts";
import { addMember, proposePolicy } from "../../src/operations/policy/change.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { readClaim } from "../../src/operations/project/join-line.ts";
import type { Session } from "../../src/operations/session.ts";
import { NO_ENVIRONMENT } from "../../src/operations/workspace/environment.ts";
import type { PushedFrom } from "../../src/operations/workspace/source.ts";
import type { RecordedRun } from "../../src/provenance/made-by.ts";
import { artifactUri, type ManifestInput } from "../../src/provenance/manifest.ts";
import { files } from "../interop/escape/world.ts";
import { hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";
import { unguarded } from "./unguarded.ts";

/** What the modified program says of the workspace it pushes from. */
const said = vi.hoisted(() => ({ from: undefined as unknown }));
vi.mock("../../src/operations/workspace/source.ts", () => ({
  pushedFrom: async () => said.from,
  notePushed: async () => {},
}));

let folder: string;
let ana: Host;
let bo: Host;
let secret: Version;
let workspace: string;
let number = 0;

beforeAll(async () => {
  folder = scratch();
  ana = await makeProject(folder);
  bo = hostIn(folder, "bo");
  const { line } = await joinProject(bo, { folder: ".", store: "../store", member: "bo", name: "Bo" });
  await addMember(await sessionOf(ana), { line, roles: ["data-scientist"] });
  randomFiles(ana.cwd);
  await push(await sessionOf(ana), { source: { path: "data" }, name: "secret:1", class: "confidential" });
  await push(await sessionOf(ana), { source: { path: "data" }, name: "plain:1", class: "internal" });
});

beforeEach(async () => {
  number++;
  workspace = number.toString(16).padStart(32, "0");
  const session = await synced(await sessionOf(bo));
  secret = await resolve(session, "secret:1", { action: "artifact.read-metadata" });
});

async function synced(session: Session): Promise<Session> {
  await session.sync();
  return session;
}

/** Logs one act in a workspace as far as its intent. */
async function act(
  session: Session,
  action: "workspace.create" | "workspace.mount" | "workspace.run",
  more: { readonly version?: Version; readonly in?: string; readonly said?: string } = {},
): Promise<Operation> {
  const { version } = more;
  return await begin(session, {
    ...{ title: action, action, domain: "churn", workspace: more.in ?? workspace, purpose: "modelling", sealed: {} },
    ...(version && { class: more.said ?? version.record.class, kind: "dataset", versionId: version.versionId }),
  });
}

async function ran(session: Session, more: { readonly in?: string; readonly exit?: number } = {}): Promise<string> {
  const operation = await act(session, "workspace.run", more);
  await operation.done(() => ({ facts: { exit: more.exit ?? 0, ms: 1 } }));
  return operation.id;
}

function run(id: string, exitCode = 0): RecordedRun {
  const times = { startedOn: "2026-01-02T03:04:05Z", finishedOn: "2026-01-02T03:04:06Z" };
  const file = { path: "out/a.txt", bytes: 1, sha256: "0".repeat(64) };
  const outputs = { files: [file], count: 1, deleted: [], deletedCount: 0, elsewhere: 0, known: true };
  return { id, argv: ["make"], cwd: "/workspace", seeds: {}, ...times, exitCode, details: { outputs } };
}

/** Pushes `internal` from a workspace, saying whatever is given about it. */
async function pushFrom(
  session: Session,
  name: string,
  given: { readonly inputs?: readonly Version[]; readonly runs?: readonly RecordedRun[]; readonly class?: string } = {},
): Promise<void> {
  const inputs = (given.inputs ?? []).map(inputOf);
  const state = { id: workspace, name: "w", inputs, code: undefined, environment: NO_ENVIRONMENT };
  const from: Omit<PushedFrom, "state"> & { state: unknown } = {
    ...{ id: workspace, name: "w", domain: "churn", purpose: "modelling", label: undefined, ran: true, state },
    ...{ runs: given.runs ?? [], taken: [] },
    collect: async function* () {
      yield* files({ "a.txt": name });
    },
  };
  said.from = from;
  await push(session, { source: { path: "out" }, from: "w", name, class: given.class ?? "internal" });
}

function inputOf({ record, header, versionId }: Version): ManifestInput & { reference: string; path: string } {
  const { project, domain, number: of } = record;
  const { name, kind, licence, manifest, dirHash } = header;
  const uri = artifactUri({ projectId: project, domain, name, number: of });
  const place = { reference: name, path: `/inputs/${name}` };
  return {
    ...place,
    name,
    uri,
    digest: dirHash,
    versionId,
    class: record.class,
    kind,
    licence,
    manifestDigest: manifest,
  };
}

/** Why readers ignore an artifact; undefined where they accept it. */
async function ignored(name: string): Promise<string | undefined> {
  const seen = await list(await sessionOf(ana), { name });
  expect(seen.versions.length + seen.ignored.length).toBe(1);
  return seen.ignored[0]?.why;
}

/** What is wrong with the manifest of an accepted version. */
async function wrong(name: string): Promise<string | undefined> {
  const { checks } = await verifyReference(await sessionOf(ana), name);
  return checks.find(({ state }) => state === "bad")?.text;
}

test("an honest push from a workspace is accepted, with what was mounted and what ran", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.create")).done();
  await (await act(session, "workspace.mount", { version: secret })).done();
  await pushFrom(session, "honest", { inputs: [secret], runs: [run(await ran(session))], class: "confidential" });
  expect(await ignored("honest")).toBeUndefined();
  expect(await wrong("honest")).toBeUndefined();
});

test("a mount before the push, and not pushed as that class", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.mount", { version: secret })).done();
  await pushFrom(session, "below", { inputs: [secret] });
  expect(await ignored("below")).toContain("label-flow");
});

test("a mount after the last run counts", async () => {
  const session = await unguarded(bo);
  await ran(session);
  await (await act(session, "workspace.mount", { version: secret })).done();
  await pushFrom(session, "after-run", { inputs: [secret] });
  expect(await ignored("after-run")).toContain("label-flow");
});

test("a mount that failed, and one that never ended, count", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.mount", { version: secret })).failed(new Error("a lie"));
  await pushFrom(session, "failed-mount");
  expect(await ignored("failed-mount")).toContain("label-flow");
  workspace = "f".repeat(32);
  await act(session, "workspace.mount", { version: secret });
  await pushFrom(session, "open-mount");
  expect(await ignored("open-mount")).toContain("label-flow");
});

test("a mount that says a lower class than its version has counts as what it is", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.mount", { version: secret, said: "internal" })).done();
  await pushFrom(session, "mislabelled", { inputs: [secret] });
  expect(await ignored("mislabelled")).toContain("label-flow");
});

test("a mount that is logged between the intent of the push and its end counts", async () => {
  const session = await unguarded(bo);
  const real = session.store.create.bind(session.store);
  let late = true;
  const store = new Proxy(session.store, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (key !== "create") return typeof value === "function" ? value.bind(target) : value;
      return async (name: string, parts: readonly Uint8Array[]) => {
        if (late && name.startsWith("versions/")) {
          late = false;
          await (await act(await unguarded(bo), "workspace.mount", { version: secret })).done();
        }
        return await real(name, parts);
      };
    },
  });
  await pushFrom({ ...session, store }, "late-mount");
  expect(late).toBe(false);
  expect(await ignored("late-mount")).toContain("label-flow");
});

test("a workspace of the same id by another member neither raises a label nor lends a run", async () => {
  const others = await unguarded(ana);
  await (await act(others, "workspace.create")).done();
  await (await act(others, "workspace.mount", { version: secret })).done();
  const lent = await ran(others);
  const session = await unguarded(bo);
  await pushFrom(session, "same-id");
  expect(await ignored("same-id")).toBeUndefined();
  expect(await wrong("same-id")).toBeUndefined();
  await pushFrom(session, "lent", { runs: [run(lent)] });
  expect(await wrong("lent")).toContain("a run that is not in the log");
  await pushFrom(session, "lent-input", { inputs: [secret], class: "confidential" });
  expect(await wrong("lent-input")).toContain("an input that was not mounted");
});

test("a push names neither runs that are not in the log, nor those of another workspace, nor one twice", async () => {
  const session = await unguarded(bo);
  const elsewhere = await ran(session, { in: "e".repeat(32) });
  const here = await ran(session);
  await pushFrom(session, "invented", { runs: [run("0".repeat(32))] });
  expect(await wrong("invented")).toContain("a run that is not in the log");
  await pushFrom(session, "elsewhere", { runs: [run(elsewhere)] });
  expect(await wrong("elsewhere")).toContain("a run that is not in the log");
  await pushFrom(session, "twice", { runs: [run(here), run(here)] });
  expect(await wrong("twice")).toContain("a run twice");
  const open = { ...run("1".repeat(32)), finishedOn: undefined, exitCode: undefined };
  await pushFrom(session, "invented-open", { runs: [open] });
  expect(await wrong("invented-open")).toContain("a run that is not in the log");
});

test("a run that failed is not said to have succeeded", async () => {
  const session = await unguarded(bo);
  const id = await ran(session, { exit: 3 });
  await pushFrom(session, "whitewashed", { runs: [run(id)] });
  expect(await wrong("whitewashed")).toContain("ended otherwise than the log says");
  await pushFrom(session, "as-it-was", { runs: [run(id, 3)] });
  expect(await wrong("as-it-was")).toBeUndefined();
});

test("a model needs a run that was logged; copying a file in is none", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.create")).done();
  await (await act(session, "workspace.run")).done(() => ({ facts: { files: 1 } }));
  const model = { kind: "model", owner: "bo", licence: "MIT", class: "internal", from: "w" } as const;
  await pushFrom(session, "prepares-what-is-said");
  await push(session, { ...model, source: { path: "out" }, name: "copied-model" });
  expect(await ignored("copied-model")).toContain("models-say-who-and-what");
  await ran(session);
  await push(session, { ...model, source: { path: "out" }, name: "run-model" });
  expect(await ignored("run-model")).toBeUndefined();
});

test("a class that the policy no longer knows is above all it knows", async () => {
  const session = await unguarded(bo);
  const { labelOf } = await import("../../src/operations/artifact/label.ts");
  await (await act(session, "workspace.mount", { version: secret })).done();
  await synced(session);
  const { keyId } = (await act(session, "workspace.create")).intent;
  const label = (classes: readonly string[]) => labelOf(session.ledger, { workspace, keyId }, classes)?.class;
  expect(label(["public", "internal", "confidential"])).toBe("confidential");
  expect(label(["confidential", "internal"])).toBe("confidential");
  const plain = await resolve(session, "plain:1", { action: "artifact.read-metadata" });
  await (await act(session, "workspace.mount", { version: plain })).done();
  expect(label(["public", "internal"])).toBe("confidential");
  expect(label(["public", "confidential"])).toBe("internal");
});

test("a new key of the same member does not come without the label of the old one", async () => {
  const session = await unguarded(bo);
  await (await act(session, "workspace.mount", { version: secret })).done();
  const again = hostIn(folder, "bo-again");
  const { line } = await joinProject(again, { folder: ".", store: "../store", member: "bo2", name: "Bo" });
  const { signs, reads } = readClaim(line);
  const owner = await synced(await sessionOf(ana));
  const { text, compiled } = await owner.policy();
  const old = compiled.policy.members.find(({ id }) => id === "bo")?.devices[0];
  const changed = text.replace(old?.signs ?? "?", signs).replace(old?.reads ?? "?", reads);
  expect(changed).not.toBe(text);
  writeFileSync(join(ana.cwd, "cloister.policy.yaml"), changed);
  await proposePolicy(await sessionOf(ana), {});
  await pushFrom(await unguarded(again), "new-key", { inputs: [secret] });
  expect(await ignored("new-key")).toContain("label-flow");
  expect(readFileSync(join(ana.cwd, "cloister.policy.yaml"), "utf8")).toContain(signs);
});
