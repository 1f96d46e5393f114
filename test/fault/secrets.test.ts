// Setting, rotating and removing secrets under a store that fails, dies or answers ambiguously at every k-th operation.
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import type { Host } from "../../src/operations/host.ts";
import { verifyAudit } from "../../src/operations/project/audit.ts";
import { leaseSecret } from "../../src/operations/secret/lease.ts";
import { listSecrets } from "../../src/operations/secret/list.ts";
import { rotateSecret } from "../../src/operations/secret/rotate.ts";
import { removeSecret, setSecret } from "../../src/operations/secret/write.ts";
import type { Session } from "../../src/operations/session.ts";
import { copyOf, hostIn, makeProject, scratch, sessionOf } from "../operations/project.ts";
import { type Fault, FaultyStore } from "./faulty-store.ts";

const FAULTS: readonly Fault[] = ["fail", "ambiguous", "crash", "crash-after"];
const given = (text: string) => async () => Buffer.from(text);

let empty: string;
let holding: string;

beforeAll(async () => {
  empty = scratch();
  await makeProject(empty);
  holding = copyOf(empty);
  await setSecret(await sessionOf(hostIn(holding, "ana")), { name: "db", value: given("one"), env: "DB" });
});

/** The one secret as it now is, whole; undefined where there is none. */
async function current(host: Host): Promise<string | undefined> {
  const { secrets, ignored } = await listSecrets(await sessionOf(host));
  expect(ignored).toEqual([]);
  expect((await verifyAudit(await sessionOf(host))).checks.filter((c) => c.state === "bad")).toEqual([]);
  if (secrets.length === 0) return undefined;
  const { value, credential } = await leaseSecret(await sessionOf(host), { name: "db" });
  expect(Object.keys(credential.environment)).toEqual(["DB"]);
  return Buffer.from(value).toString();
}

/** Does something once for each of its store operations, that one going wrong. */
async function atEveryOperation(
  base: string,
  fault: Fault,
  act: (session: Session, host: Host) => Promise<unknown>,
  after: (host: Host, succeeded: boolean) => Promise<void>,
): Promise<void> {
  const counting: FaultyStore[] = [];
  const counted = hostIn(copyOf(base), "ana");
  await act(await sessionOf(counted, (store) => (counting[0] = new FaultyStore(store))), counted);
  const count = counting[0]?.operations ?? 0;
  expect(count).toBeGreaterThan(5);
  for (let k = 1; k <= count; k++) {
    const host = hostIn(copyOf(base), "ana");
    const session = await sessionOf(host, (store) => new FaultyStore(store, fault, k));
    const succeeded = await act(session, host).then(
      () => true,
      (error: unknown) => {
        if (error instanceof CloisterError) expect(error.code).toBe("UNAVAILABLE");
        return false;
      },
    );
    await after(host, succeeded);
  }
}

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("set: the secret is whole or not there, and the same command again sets it or says that it is there", async () => {
    const set = (session: Session) => setSecret(session, { name: "db", value: given("one"), env: "DB" });
    await atEveryOperation(empty, fault, set, async (host, succeeded) => {
      const now = await current(host);
      expect(["one", ...(succeeded ? [] : [undefined])]).toContain(now);
      if (now === undefined) await set(await sessionOf(host));
      else await expect(set(await sessionOf(host))).rejects.toMatchObject({ code: "USAGE" });
      expect(await current(host)).toBe("one");
    });
  }, 240_000);

  test("rotate: the old value or the new one, never neither", async () => {
    const rotate = (session: Session) => rotateSecret(session, { name: "db", value: given("two") });
    await atEveryOperation(holding, fault, rotate, async (host, succeeded) => {
      expect(["two", ...(succeeded ? [] : ["one"])]).toContain(await current(host));
      await rotate(await sessionOf(host));
      expect(await current(host)).toBe("two");
    });
  }, 240_000);

  test("rotate by a hook: what the hook gave is in the store, or kept until it is", async () => {
    const script = "#!/bin/sh\necho new-$(cat) | tee changed\n";
    const rotate = async (session: Session, host: Host) => {
      const hook = join(host.cwd, "hook");
      writeFileSync(hook, script);
      chmodSync(hook, 0o755);
      return rotateSecret(session, { name: "db", value: { hook: [hook], timeoutMs: 20_000 } });
    };
    await atEveryOperation(holding, fault, rotate, async (host, succeeded) => {
      const changed = existsSync(join(host.cwd, "changed"));
      const now = await current(host);
      if (succeeded || now === "new-one") expect([changed, now]).toEqual([true, "new-one"]);
      else if (changed) await rotateSecret(await sessionOf(host), { name: "db", value: "kept" });
      expect(await current(host)).toBe(changed ? "new-one" : "one");
    });
  }, 240_000);

  test("remove: it is there whole, or gone", async () => {
    const remove = (session: Session) => removeSecret(session, { name: "db" });
    await atEveryOperation(holding, fault, remove, async (host, succeeded) => {
      const before = await listSecrets(await sessionOf(host));
      if (succeeded) expect(before.secrets).toEqual([]);
      if (before.secrets.length > 0) await remove(await sessionOf(host));
      expect(await current(host)).toBeUndefined();
      await setSecret(await sessionOf(host), { name: "db", value: given("three"), env: "DB" });
      expect(await current(host)).toBe("three");
    });
  }, 240_000);
});

test("a kept value is sealed, and nobody else's", async () => {
  const host = hostIn(copyOf(holding), "ana");
  const hook = join(host.cwd, "hook");
  writeFileSync(hook, "#!/bin/sh\necho marker-of-the-hook\n");
  chmodSync(hook, 0o755);
  const session = await sessionOf(host, (store) => new FaultyStore(store));
  const dying = {
    ...session,
    store: { ...bound(session.store), create: () => Promise.reject(new CloisterError("UNAVAILABLE", "no store")) },
  } as Session;
  const value = { hook: [hook], timeoutMs: 20_000 };
  await expect(rotateSecret(dying, { name: "db", value })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    next: "cloister secret rotate churn/db --kept",
  });
  const state = readdirSync(host.home, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(state.map((entry) => entry.parentPath).some((path) => path.endsWith("/secrets"))).toBe(true);
  const { holders } = await import("../acceptance/harness.ts");
  expect(holders(host.home, ["marker-of-the-hook"])).toEqual([]);
  await expect(rotateSecret(await sessionOf(host), { name: "db", value })).rejects.toMatchObject({
    code: "USAGE",
    next: expect.stringContaining("--kept"),
  });
  await rotateSecret(await sessionOf(host), { name: "db", value: "kept" });
  expect(await current(host)).toBe("marker-of-the-hook");
  await expect(rotateSecret(await sessionOf(host), { name: "db", value: "kept" })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
});

function bound(store: Session["store"]): Session["store"] {
  return {
    url: store.url,
    get: (name, bytesMax) => store.get(name, bytesMax),
    range: (name, from, length) => store.range(name, from, length),
    list: (prefix) => store.list(prefix),
    create: (name, parts) => store.create(name, parts),
    delete: (name) => store.delete(name),
    now: () => store.now(),
  };
}
