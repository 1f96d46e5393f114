// Destroying the keys of a version under a store that fails, dies or answers ambiguously at every k-th operation.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Host } from "../../src/operations/host.ts";
import { proposePolicy } from "../../src/operations/policy/change.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { retireVersion } from "../../src/operations/retention/end.ts";
import { shredVersion } from "../../src/operations/retention/shred.ts";
import type { Session } from "../../src/operations/session.ts";
import { copyOf, hostIn, makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { type Fault, FaultyStore } from "./faulty-store.ts";

const FAULTS: readonly Fault[] = ["fail", "ambiguous", "crash", "crash-after"];
const version = { reference: "thing:v1", justification: "erasure request" };
let retired: string;

beforeAll(async () => {
  retired = scratch();
  const ana = await makeProject(retired);
  const file = join(ana.cwd, "cloister.policy.yaml");
  writeFileSync(
    file,
    readFileSync(file, "utf8").replace("can: [policy.change", "can: [artifact.retire, policy.change"),
  );
  await proposePolicy(await sessionOf(ana), {});
  randomFiles(ana.cwd);
  await push(await sessionOf(ana), { source: { path: "data" }, name: "thing", class: "internal" });
  await retireVersion(await sessionOf(ana), version);
});

const shred = (session: Session) => shredVersion(session, version);

/** Readable whole, or gone for everybody by the log; never damaged. */
async function state(host: Host): Promise<"whole" | "gone"> {
  expect((await verifyAudit(await sessionOf(host))).checks.filter((check) => check.state === "bad")).toEqual([]);
  try {
    const { ok, checks } = await verifyReference(await sessionOf(host), "thing:v1");
    expect(ok, JSON.stringify(checks)).toBe(true);
    return "whole";
  } catch (error) {
    expect(error).toMatchObject({ code: "NOT_FOUND", why: expect.stringContaining("destroyed by ana") });
    return "gone";
  }
}

function wrapsLeft(folder: string): number {
  const wraps = join(folder, "store/wraps/churn/internal");
  return readdirSync(wraps, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;
}

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("the version is whole or gone, and the same command again leaves no key", async () => {
    const counted = copyOf(retired);
    let counting: FaultyStore | undefined;
    await shred(
      await sessionOf(hostIn(counted, "ana"), (store) => {
        counting = new FaultyStore(store);
        return counting;
      }),
    );
    expect(wrapsLeft(counted)).toBe(0);
    const count = counting?.operations ?? 0;
    expect(count).toBeGreaterThan(5);
    for (let k = 1; k <= count; k++) {
      const folder = copyOf(retired);
      const host = hostIn(folder, "ana");
      const session = await sessionOf(host, (store) => new FaultyStore(store, fault, k));
      const failure = await shred(session).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure instanceof CloisterError) expect(failure.code).toBe("UNAVAILABLE");
      const now = await state(host);
      // Whatever is still readable has lost nothing.
      if (now === "whole") expect(wrapsLeft(folder)).toBe(2);
      const again = shred(await sessionOf(host));
      await again.catch((error: unknown) => expect(error).toMatchObject({ code: "USAGE" }));
      expect([await state(host), wrapsLeft(folder)]).toEqual(["gone", 0]);
    }
  }, 240_000);
});
