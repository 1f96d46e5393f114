// A policy of two owners with several devices, as the independent reader sees it: the same versions take force, and no other.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { addMemberDevice } from "../../src/operations/member/change.ts";
import { signProposal } from "../../src/operations/policy/sign.ts";
import { PolicyLedger } from "../../src/operations/policy-ledger.ts";
import { join as joinProject } from "../../src/operations/project/join.ts";
import { logVersion, nextText, type Owners, signedBy, synced, twoOwners } from "../operations/owners.ts";
import { hostIn, randomFiles, sessionOf } from "../operations/project.ts";
import { lacking, reader } from "./python-reader.ts";

const needs = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

/** What only a program that counts signatures as nobody does would put into the log. */
async function logAnyway({ ana }: Owners, how: (session: Awaited<ReturnType<typeof synced>>) => Promise<void>) {
  const session = await synced(ana);
  const counting = vi.spyOn(PolicyLedger.prototype, "mayTakeForce").mockResolvedValue(true);
  try {
    await how(session);
  } finally {
    counting.mockRestore();
    // What this device took for true, an honest program has never seen.
    rmSync(join(ana.home, ".local"), { recursive: true });
  }
}

describe.skipIf(lacking !== "")(`two owners${needs}`, () => {
  test("the Python reader counts people, in versions as in entries, and reads what a second device pushes", async () => {
    const owners = await twoOwners();
    const { folder, ana, omar, eve } = owners;
    const laptop = hostIn(folder, "laptop");
    const { line } = await joinProject(laptop, { folder: ".", store: "../store", member: "ana", name: "Ana" });
    await addMemberDevice(await sessionOf(ana), { line, name: "laptop" });
    await signProposal(await sessionOf(omar), {});

    await logAnyway(owners, async (session) => {
      const text = await nextText(session, /ttl: 8h/, "ttl: 7h");
      const own = [await session.identity(), await (await sessionOf(laptop)).identity()];
      await logVersion(session, await signedBy(text, own));
    });
    await logAnyway(owners, async (session) => {
      const text = await nextText(session, /ttl: 8h/, "ttl: 6h");
      const both = [await session.identity(), await (await sessionOf(omar)).identity()];
      await logVersion(session, await signedBy(text, both), { signatures: undefined });
    });
    await logAnyway(owners, async (session) => {
      const text = await nextText(session, "threshold: 2", "threshold: 1");
      await logVersion(session, await signedBy(text, [await session.identity()]));
    });
    expect((await synced(eve)).ledger.inForce.version).toBe(5);

    const { path } = randomFiles(laptop.cwd);
    await push(await sessionOf(laptop), { source: { path }, name: "cohort:1", class: "internal" });
    const device = join(folder, "device.key");
    const { ageSecret } = await (await sessionOf(laptop)).identity();
    writeFileSync(device, `${ageSecret}\n`, { mode: 0o600 });
    const out = join(folder, "out");
    const read = execFileSync(reader[0], [reader[1], join(folder, "store"), device, "churn/cohort:1", out]);
    expect(JSON.parse(read.toString())).toMatchObject({ number: 1, files: 3 });
    expect(readFileSync(join(out, "a.csv"))).toEqual(readFileSync(join(path, "a.csv")));
  });
});
