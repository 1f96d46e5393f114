// Projects with garbage in their stores, and sessions for which a day is short.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { list } from "../../../src/operations/artifact/list.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { verifyReference } from "../../../src/operations/artifact/verify.ts";
import { requireConfig } from "../../../src/operations/config.ts";
import type { Host } from "../../../src/operations/host.ts";
import { openStore } from "../../../src/operations/open-store.ts";
import { proposePolicy } from "../../../src/operations/policy/change.ts";
import { verifyAudit } from "../../../src/operations/project/audit.ts";
import { retireVersion } from "../../../src/operations/retention/end.ts";
import { shredVersion } from "../../../src/operations/retention/shred.ts";
import { connect, type Session } from "../../../src/operations/session.ts";
import type { GarbageTimes } from "../../../src/operations/store/times.ts";
import type { Store } from "../../../src/store/store.ts";
import { makeProject, sessionOf } from "../project.ts";

/** Nothing is too young, nothing waits: what is condemned goes with the next run. */
export const NO_WAIT: GarbageTimes = { freshMs: 0, waitMs: 0, relyMs: 3_600_000 };

export async function sessionAt(
  host: Host,
  times: GarbageTimes,
  around: (store: Store) => Store = (store) => store,
): Promise<Session> {
  const config = await requireConfig(host.cwd);
  const session = connect(host, config, around(await openStore(host, config)), times);
  await session.begin();
  return session;
}

/** A project whose owner may also end versions. */
export async function projectWithGarbage(folder: string): Promise<Host> {
  const ana = await makeProject(folder);
  const file = join(ana.cwd, "cloister.policy.yaml");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("can: [policy.change", "can: [artifact.retire, policy.change"),
  );
  await proposePolicy(await sessionOf(ana), {});
  return ana;
}

/** Pushes a file with this content. */
export async function pushText(host: Host, name: string, content: string | Buffer, session?: Session) {
  const folder = join(host.cwd, "files");
  mkdirSync(folder, { recursive: true });
  const path = join("files", name);
  writeFileSync(join(host.cwd, path), content);
  return push(session ?? (await sessionOf(host)), { source: { path }, name, class: "internal" });
}

export async function end(host: Host, reference: string): Promise<void> {
  const options = { reference, justification: "no longer needed" };
  await retireVersion(await sessionOf(host), options);
  await shredVersion(await sessionOf(host), options);
}

/** Names of all objects below a prefix of a project's store. */
export function objectsIn(folder: string, prefix: string): readonly string[] {
  const root = join(folder, "store");
  try {
    return readdirSync(join(root, prefix), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
      .sort();
  } catch {
    return [];
  }
}

/** I1 to I7 and I10: what is listed reads whole, and the log holds. How many versions there are. */
export async function requireWhole(host: Host): Promise<number> {
  const { versions, ignored } = await list(await sessionOf(host), { all: true });
  expect(ignored).toEqual([]);
  for (const { reference, retired } of versions) {
    if (retired) continue;
    const { checks } = await verifyReference(await sessionOf(host), reference);
    expect(checks.filter(({ state }) => state === "bad")).toEqual([]);
  }
  expect((await verifyAudit(await sessionOf(host))).checks.filter(({ state }) => state === "bad")).toEqual([]);
  return versions.length;
}
