// What a patched program can do to bring data from one domain into another, and that no reader accepts it.
import { beforeAll, expect, test, vi } from "vitest";
import { list } from "../../../src/operations/artifact/list.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { exportVersion } from "../../../src/operations/export/export.ts";
import { begin } from "../../../src/operations/guard.ts";
import type { Session } from "../../../src/operations/session.ts";
import { NO_ENVIRONMENT } from "../../../src/operations/workspace/environment.ts";
import type { PushedFrom } from "../../../src/operations/workspace/source.ts";
import { files } from "../../interop/escape/world.ts";
import { sessionOf } from "../project.ts";
import { type People, twoDomains } from "../two-domains.ts";
import { unguarded } from "../unguarded.ts";

/** What the modified program says of the workspace it pushes from. */
const said = vi.hoisted(() => ({ from: undefined as unknown }));
vi.mock("../../../src/operations/workspace/source.ts", () => ({
  pushedFrom: async () => said.from,
  notePushed: async () => {},
}));

let people: People;
let versionId: string;
let exported: string;

beforeAll(async () => {
  people = await twoDomains();
  const { ana } = people;
  ({ versionId } = await push(await sessionOf(ana), {
    source: { path: "data" },
    name: "churn/risk:1",
    class: "internal",
  }));
  await exportVersion(await sessionOf(ana), { reference: "churn/risk:1", to: "domain:marketing" });
  const session = await sessionOf(ana);
  await session.sync();
  exported = session.ledger.index.of("artifact.export")[0]?.event.operation ?? "";
});

/** Why readers pass over the version of this name. */
async function ignoredAs(name: string): Promise<string> {
  const { versions, ignored } = await list(await sessionOf(people.ana), { name: `marketing/${name}` });
  expect(versions).toEqual([]);
  return ignored[0]?.why ?? "";
}

/** Ana, who may push and export, with a program that names what it likes. */
async function pushSaying(name: string, facts: Readonly<Record<string, string>>): Promise<void> {
  const session = await sessionOf(people.ana);
  const { folderFiles } = await import("../../../src/content/folder.ts");
  const { signal } = people.ana;
  const own = () => folderFiles(`${people.ana.cwd}/data`, { signal, exclude: () => false });
  await push(
    session,
    { source: { path: "." }, name: `marketing/${name}`, class: "internal" },
    {
      source: async () => ({ files: own(), bytesTotal: undefined, sayers: [] }),
      label: { class: "public", from: "nothing" },
      ...{ ran: false, inputs: [], facts, journal: [name] },
    },
  );
}

test("an export that was used already", async () => {
  await pushSaying("again", { exported: versionId, export: exported });
  expect(await ignoredAs("again")).toContain("another push rests on the same export");
});

test("an export that is not in the log, or a version that is not", async () => {
  await pushSaying("invented", { exported: versionId, export: "0".repeat(32) });
  expect(await ignoredAs("invented")).toMatch(/not in the log/);
  await pushSaying("unknown", { exported: "0".repeat(64), export: exported });
  expect(await ignoredAs("unknown")).toMatch(/no version/);
});

test("an export to another domain than the one that it is pushed to", async () => {
  const session = await unguarded(people.ana);
  const act = {
    title: "",
    action: "artifact.export",
    domain: "churn",
    class: "internal",
    versionId,
    sealed: {},
  } as const;
  const { id } = await begin(session, { ...act, facts: { to: "domain", toDomain: "churn", bytes: 1 } });
  await pushSaying("astray", { exported: versionId, export: id });
  expect(await ignoredAs("astray")).toMatch(/export|act/);
});

test("data of another domain mounted in the workspace that it is pushed from", async () => {
  const session = await unguarded(people.bo);
  const workspace = "ab".repeat(16);
  const place = { title: "", domain: "marketing", class: "public", workspace, sealed: {} } as const;
  const created = await begin(session, { ...place, action: "workspace.create" });
  await created.done();
  // The entry says that the mounted version is of this domain; the log knows of which it is.
  const mounted = await begin(session, { ...place, action: "workspace.mount", versionId });
  await mounted.done(() => ({ versionId }));
  await pushFrom(session, workspace);
  expect(await ignoredAs("mounted")).toMatch(/made it with data of another domain \(log #\d+\)/);
});

/** A push of files of this device that says that it comes from a workspace. */
async function pushFrom(session: Session, workspace: string): Promise<void> {
  const state = { id: workspace, name: "w", inputs: [], code: undefined, environment: NO_ENVIRONMENT };
  const from: Omit<PushedFrom, "state"> & { state: unknown } = {
    ...{ id: workspace, name: "w", domain: "marketing", purpose: undefined, label: undefined, ran: false, state },
    ...{ runs: [], taken: [] },
    collect: async function* () {
      yield* files({ "a.txt": "mounted" });
    },
  };
  said.from = from;
  await push(session, { source: { path: "out" }, from: "w", name: "marketing/mounted", class: "confidential" });
}
