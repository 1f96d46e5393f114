// The S3 driver on a real server behind a network that fails: right answers or clear errors, and never two winners.
import { randomBytes, randomInt } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CloisterError } from "../../src/base/errors.ts";
import { s3Store } from "../../src/store/s3.ts";
import { S3Connection } from "../../src/store/s3-connection.ts";
import { createInParts } from "../../src/store/s3-create.ts";
import type { S3Access } from "../../src/store/s3-place.ts";
import type { Store } from "../../src/store/store.ts";
import { S3_FAULTS, type S3Fault, S3Proxy } from "../fault/s3-proxy.ts";
import { bytes, namesIn, textOf } from "../store/contract.ts";
import { NO_RADOSGW, newBucket, PLAIN, RADOSGW_START_MS, type Radosgw, startRadosgw } from "./radosgw/radosgw.ts";

const IDLE_MS = 800;
const DELAY_MS = 1200;
const MIB = 1024 * 1024;

let server: Radosgw;
let proxy: S3Proxy;
let access: S3Access;
/** Behind the failing network, and without it. */
let store: Store;
let direct: Store;

/** Only the nth request of a kind meets the fault. */
function onlyNth(n: number, fault: S3Fault, matching: (line: string) => boolean = () => true): void {
  let seen = 0;
  proxy.plan = ({ method = "", url = "" }) => (matching(`${method} ${url}`) && ++seen === n ? fault : undefined);
}

describe.skipIf(NO_RADOSGW !== "")(`a bucket behind a failing network${NO_RADOSGW}`, () => {
  beforeAll(async () => {
    server = await startRadosgw();
    await s3Store({ ...(await freshAccess()), endpoint: server.endpoint }).create("warm", bytes("up"));
  }, RADOSGW_START_MS);
  afterAll(() => server.stop());

  async function freshAccess(): Promise<S3Access> {
    return {
      ...{ bucket: await newBucket(server), prefix: "p", region: "us-east-1" },
      credentials: async () => PLAIN,
      signal: new AbortController().signal,
      timeouts: { connectMs: IDLE_MS, idleMs: IDLE_MS, answerMs: IDLE_MS, attemptMs: 8000 },
    };
  }

  beforeEach(async () => {
    proxy = await S3Proxy.start(server.endpoint, DELAY_MS);
    access = { ...(await freshAccess()), endpoint: proxy.endpoint };
    store = s3Store(access);
    direct = s3Store({ ...access, endpoint: server.endpoint, timeouts: {} });
  });
  afterEach(() => proxy.stop());

  describe.each(S3_FAULTS)("%s", (fault) => {
    test("once, at any request: every call has the right answer", async () => {
      await direct.create("a/old", bytes("0123456789"));
      onlyNth(1, fault);
      expect(await store.create("a/new", bytes("mine"))).toBe("created");
      expect(textOf(await direct.get("a/new", 10))).toBe("mine");
      onlyNth(1, fault);
      expect(await store.create("a/old", bytes("mine"))).toBe("exists");
      onlyNth(1, fault);
      expect(textOf(await store.get("a/old", 10))).toBe("0123456789");
      onlyNth(1, fault);
      expect(await store.get("a/none", 10)).toBeUndefined();
      onlyNth(1, fault);
      expect(textOf(await store.range("a/old", 3, 4))).toBe("3456");
      onlyNth(1, fault);
      expect(await namesIn(store)).toEqual(["a/new", "a/old"]);
      onlyNth(1, fault);
      await store.delete("a/old");
      expect(await direct.get("a/old", 10)).toBeUndefined();
      expect(proxy.injected).toBe(7);
    });

    test("once, at each request of an upload in parts: the object is whole, or known not to be", async () => {
      const large = randomBytes(20 * MIB);
      // Begin, two parts, completion.
      for (let n = 1; n <= 4; n++) {
        const key = `p/packs/${String(n)}`;
        onlyNth(n, fault);
        expect(await createInParts(new S3Connection(access), { key, parts: [large] })).toBe("created");
        const read = await direct.range(`packs/${String(n)}`, 0, large.length + 1);
        expect(read && Buffer.compare(read, large)).toBe(0);
      }
      expect(proxy.injected).toBe(4);
    });

    test("always: a clear error in bounded time, and a create says what came of it", async () => {
      await direct.create("a/old", bytes("0123456789"));
      // Answers without a body cannot be cut.
      const cuts = fault === "truncate";
      proxy.plan = () => fault;
      const calls = [
        store.get("a/old", 10),
        store.range("a/old", 0, 5),
        namesIn(store),
        ...(cuts ? [] : [store.create("a/new", bytes("mine")), store.delete("a/none")]),
      ];
      for (const end of await Promise.allSettled(calls)) {
        expect(end.status).toBe("rejected");
        const { reason } = end as PromiseRejectedResult;
        expect(reason).toBeInstanceOf(CloisterError);
        expect(reason.code).toBe("UNAVAILABLE");
        expect(reason.next).toContain("try again");
      }
      await proxy.settle();
      // The interface's promise: creating again tells what became of it.
      proxy.plan = () => undefined;
      const again = await store.create("a/new", bytes("mine"));
      expect(textOf(await direct.get("a/new", 10))).toBe("mine");
      const wasDone = ["error after", "reset after", "delay", "late"].includes(fault);
      expect(again).toBe(wasDone ? "exists" : "created");
    }, 120_000);
  });

  test.each(["error after", "reset after", "delay"] as const)(
    "%s, for every write: what lies there is read back, so that it is known whose it is",
    async (fault) => {
      await direct.create("theirs", bytes("theirs"));
      proxy.plan = ({ method }) => (method === "PUT" ? fault : undefined);
      expect(await store.create("mine", bytes("mine"))).toBe("created");
      expect(await store.create("theirs", bytes("mine"))).toBe("exists");
      expect(await store.create("theirs", bytes("their"))).toBe("exists");
      expect(await store.create("theirs", bytes("theirs and more"))).toBe("exists");
    },
  );

  test("a write that lands after its time-out meets whoever was first in the meantime", async () => {
    onlyNth(1, "late", (line) => line.startsWith("PUT"));
    const slow = store.create("name", bytes("slow"));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await direct.create("name", bytes("quick"))).toBe("created");
    expect(await slow).toBe("exists");
    await proxy.settle();
    expect(textOf(await direct.get("name", 10))).toBe("quick");
  });

  test("16 writers race for a name through failures of every kind: never two winners", async () => {
    for (let round = 0; round < 12; round++) {
      const name = `race/${String(round)}`;
      proxy.plan = () => (randomInt(3) === 0 ? S3_FAULTS[randomInt(S3_FAULTS.length)] : undefined);
      const racers = Array.from({ length: 16 }, (_, i) =>
        s3Store({ ...access, signal: new AbortController().signal }).create(name, bytes(`from ${String(i)}`)),
      );
      const ends = await Promise.allSettled(racers);
      await proxy.settle();
      const winners = ends.flatMap((end, i) => (end.status === "fulfilled" && end.value === "created" ? [i] : []));
      expect(winners.length).toBeLessThanOrEqual(1);
      const there = textOf(await direct.get(name, 100)) ?? "nothing";
      const unsure = ends.flatMap((end, i) => (end.status === "rejected" ? [`from ${String(i)}`] : []));
      // The bytes of who won; where nobody knows of it, of one that was told that it is not known.
      expect(winners.length === 1 ? [`from ${String(winners[0])}`] : unsure).toContain(there);
      for (const end of ends) if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "UNAVAILABLE" });
    }
  }, 240_000);
});
