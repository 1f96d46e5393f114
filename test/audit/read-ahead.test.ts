// A cold reader of a long log in a far store: round trips overlap, and what is accepted is accepted in order as ever.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, expect, test } from "vitest";
import { commitName } from "../../src/audit/commit.ts";
import { Log } from "../../src/audit/log.ts";
import type { LoggedEvent } from "../../src/audit/taken.ts";
import { CloisterError } from "../../src/base/errors.ts";
import { generateIdentity, type Identity, keyIdOf } from "../../src/keys/identity.ts";
import { MemoryStore } from "../fault/memory-store.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
const COMMITS = 60;
const AHEAD = 16;

/** A store in which every reading takes 20 ms, and which counts those that are under way together. */
class FarStore extends MemoryStore {
  gets = 0;
  underWay = 0;
  most = 0;
  /** The store does not answer for this place. */
  silentAt = -1;

  override async get(name: string): Promise<Uint8Array | undefined> {
    this.gets++;
    this.most = Math.max(this.most, ++this.underWay);
    await sleep(20);
    this.underWay--;
    if (name === commitName(this.silentAt)) throw new CloisterError("UNAVAILABLE", "the store does not answer");
    return super.get(name);
  }
}

let ana: Identity;
let objects: ReadonlyMap<string, Buffer>;
beforeAll(async () => {
  ana = await generateIdentity();
  const store = new MemoryStore();
  const { log } = reader(store);
  for (let i = 0; i < COMMITS; i++) {
    const operation = randomBytes(16).toString("hex");
    const common = {
      project: PROJECT,
      operation,
      phase: "intent" as const,
      action: "artifact.push",
      timeMs: Date.now(),
    };
    await log.append(ana, () => ({ ...common, policy: 1, rules: ["role:x"], enforcement: "advisory" }));
  }
  objects = store.objects;
});

function reader(store: MemoryStore) {
  const entries: number[] = [];
  const admission = {
    keyOf: async (keyId: string) => (keyId === keyIdOf(ana.signs) ? { signs: ana.signs, member: "ana" } : undefined),
    admit: async ({ entry }: LoggedEvent) => {
      entries.push(entry);
      return () => void entries.pop();
    },
    restore: () => {},
  };
  return { log: new Log(store, PROJECT, admission, () => {}), entries };
}

function farStore(): FarStore {
  const store = new FarStore();
  for (const [name, bytes] of objects) store.objects.set(name, bytes);
  return store;
}

test("a cold reader has several commits under way, within bounds, and takes them in order", async () => {
  const store = farStore();
  const { log, entries } = reader(store);
  await log.sync();
  expect(log.size).toBe(COMMITS);
  expect(entries).toEqual([...entries].sort((a, b) => a - b));
  expect(store.most).toBe(AHEAD);
  expect(store.gets).toBeLessThanOrEqual(COMMITS + AHEAD);
});

test("a reader who is up to date asks for its last commit and for the next one, and for nothing else", async () => {
  const store = farStore();
  const { log } = reader(store);
  await log.sync();
  // What was read ahead behind the end may still be under way.
  while (store.underWay > 0) await sleep(5);
  [store.gets, store.most] = [0, 0];
  await log.sync();
  expect([store.gets, store.most]).toEqual([2, 1]);
});

test("a commit that is missing, changed or out of its place is found in what was read ahead, too", async () => {
  const harms: readonly ((all: Map<string, Buffer>) => void)[] = [
    (all) => void all.delete(commitName(40)),
    (all) => void all.set(commitName(40), randomBytes(100)),
    (all) => void all.set(commitName(40), all.get(commitName(39)) as Buffer),
  ];
  for (const harm of harms) {
    const store = farStore();
    harm(store.objects);
    const { log } = reader(store);
    await expect(log.sync()).rejects.toMatchObject({ code: "INTEGRITY" });
    expect(log.size).toBe(40);
  }
});

test("a failure counts when its turn comes, and never behind the end of the log", async () => {
  const middle = farStore();
  middle.silentAt = 30;
  const { log } = reader(middle);
  await expect(log.sync()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(log.size).toBe(30);
  middle.silentAt = -1;
  await log.sync();
  expect(log.size).toBe(COMMITS);
  const behind = farStore();
  behind.silentAt = COMMITS + 1;
  await reader(behind).log.sync();
});
