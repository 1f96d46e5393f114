// Push and pull under a KMS that fails, refuses, loses an answer, lies or goes away at every k-th call: what
// the store holds afterwards reads whole, and the same command again succeeds.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { list } from "../../src/operations/artifact/list.ts";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import type { Host } from "../../src/operations/host.ts";
import { create } from "../../src/operations/init.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { TestKms, type Trouble } from "../aws/kms-server.ts";
import { copyOf, hostIn, randomFiles, scratch, sessionOf } from "../operations/project.ts";

/** What happens at one call, and what to all after it. `passes` where the command is to succeed in spite of it. */
interface Fault {
  readonly at: Trouble;
  readonly after?: Trouble;
  readonly passes?: boolean;
  /** Not for pushing: who may not decrypt cannot tell that a new data key is another than the one KMS sealed. */
  readonly readingOnly?: boolean;
}

const GONE: Trouble = { error: "DisabledException" };
const FAULTS: Readonly<Record<string, Fault>> = {
  refuses: { at: { error: "AccessDeniedException" } },
  "fails in passing": { at: { error: "KMSInternalException", status: 500 }, passes: true },
  "does it and loses the answer": { at: { lost: true }, passes: true },
  "answers with nothing": { at: { answer: () => ({}) } },
  "answers with another key": {
    at: { answer: (real) => ({ ...real, Plaintext: Buffer.alloc(32, 7).toString("base64") }) },
    readingOnly: true,
  },
  "goes away": { at: GONE, after: GONE },
};

const kms = new TestKms();
let base: string;

beforeAll(async () => {
  const url = await kms.start();
  vi.stubEnv("AWS_ENDPOINT_URL_KMS", url);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "ANA");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret of ANA");
  kms.allow("ANA");
  base = scratch();
  const host = hostIn(base, "ana");
  const common = {
    folder: ".",
    template: "demo",
    store: "../store",
    project: "churn",
    kms: kms.key(),
    bucket: "acme-ml",
  };
  await create(host, { ...common, member: "ana", name: "Ana", domain: "churn", purpose: "modelling" });
  randomFiles(host.cwd);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await kms.stop();
});
beforeEach(healthy);

function healthy(): void {
  kms.trouble = [];
  kms.lasting = undefined;
  kms.seen.length = 0;
}

const pushIt = { source: { path: "data" }, name: "cohort:1.0", class: "internal" } as const;
const pullIt = { reference: "cohort:1.0", purpose: "modelling", output: { folder: "out" } } as const;

/** Does something once under each fault at its k-th call, and says how it ended. */
async function atEveryCall(
  from: string,
  { at, after, passes = false }: Fault,
  act: (host: Host) => Promise<unknown>,
  afterwards: (host: Host, failed: boolean) => Promise<void>,
): Promise<void> {
  healthy();
  await act(hostIn(copyOf(from), "ana"));
  const calls = kms.seen.length;
  expect(calls).toBeGreaterThan(0);
  for (let k = 1; k <= calls; k++) {
    healthy();
    const untouched: Trouble = { answer: (real) => real };
    kms.trouble = [...Array.from({ length: k - 1 }, () => untouched), at];
    kms.lasting = after;
    const host = hostIn(copyOf(from), "ana");
    const error = await act(host).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error !== undefined) expect(error).toBeInstanceOf(CloisterError);
    if (passes) expect(error).toBeUndefined();
    healthy();
    await afterwards(host, error !== undefined);
  }
}

/** What must hold whatever happened: everything listed reads whole, and the log holds. */
async function invariants(host: Host): Promise<number> {
  const { versions, ignored } = await list(await sessionOf(host), {});
  for (const { reference } of versions) {
    const { checks } = await verifyReference(await sessionOf(host), reference);
    expect(checks.filter(({ state }) => state === "bad")).toEqual([]);
  }
  expect((await verifyAudit(await sessionOf(host))).checks.filter(({ state }) => state === "bad")).toEqual([]);
  return versions.length + ignored.length;
}

describe.each(Object.keys(FAULTS))("a KMS that %s", (name) => {
  const fault = FAULTS[name] as Fault;

  test.skipIf(fault.readingOnly)(
    "push: no half version, and the same command again succeeds",
    async () => {
      const act = async (host: Host) => push(await sessionOf(host), pushIt);
      await atEveryCall(base, fault, act, async (host, failed) => {
        expect(await invariants(host)).toBe(failed ? 0 : 1);
        if (failed) expect((await act(host)).number).toBe(1);
        expect(await invariants(host)).toBe(1);
      });
    },
    240_000,
  );

  test("pull: a whole folder or none, and the same command again succeeds", async () => {
    const pushed = copyOf(base);
    await push(await sessionOf(hostIn(pushed, "ana")), pushIt);
    const act = async (host: Host) => pull(await sessionOf(host), pullIt);
    await atEveryCall(pushed, fault, act, async (host, failed) => {
      expect(existsSync(join(host.cwd, "out"))).toBe(!failed);
      if (failed) await act(host);
      expect(readFileSync(join(host.cwd, "out/a.csv"))).toEqual(readFileSync(join(host.cwd, "data/a.csv")));
      await invariants(host);
    });
  }, 240_000);
});
