// The log alone: order, junk, races, lost answers, and everything somebody could do to its objects.
import { randomBytes } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { commitName } from "../../src/audit/commit.ts";
import type { AuditEvent } from "../../src/audit/event.ts";
import { type Admission, Log } from "../../src/audit/log.ts";
import type { LoggedEvent, TakenCommit } from "../../src/audit/taken.ts";
import { generateIdentity, type Identity, keyIdOf } from "../../src/keys/identity.ts";
import type { Store } from "../../src/store/store.ts";
import { FaultyStore } from "../fault/faulty-store.ts";
import { MemoryStore } from "../fault/memory-store.ts";

const PROJECT = "0123456789abcdef0123456789abcdef";
let ana: Identity;
let bo: Identity;
let stranger: Identity;
beforeAll(async () => {
  [ana, bo, stranger] = await Promise.all([generateIdentity(), generateIdentity(), generateIdentity()]);
});

/** Two members; each operation and phase once. */
class Members implements Admission {
  readonly events: LoggedEvent[] = [];

  async keyOf(keyId: string) {
    const found = { ana, bo };
    for (const [member, { signs }] of Object.entries(found)) if (keyIdOf(signs) === keyId) return { signs, member };
    return undefined;
  }

  async admit(logged: LoggedEvent) {
    const { operation, phase } = logged.event;
    if (this.events.some(({ event }) => event.operation === operation && event.phase === phase)) return undefined;
    this.events.push(logged);
    return () => void this.events.pop();
  }

  restore(logged: LoggedEvent) {
    this.events.push(logged);
  }
}

function open(store: Store) {
  const members = new Members();
  const taken: TakenCommit[] = [];
  return { log: new Log(store, PROJECT, members, (commit) => taken.push(commit)), members, taken };
}

function event(over: Partial<AuditEvent> = {}): AuditEvent {
  const operation = randomBytes(16).toString("hex");
  const common = { project: PROJECT, operation, phase: "intent" as const, action: "artifact.push" };
  return { ...common, timeMs: Date.now(), policy: 1, rules: ["role:x"], enforcement: "advisory", ...over };
}

async function filled(count: number) {
  const store = new MemoryStore();
  const { log, taken } = open(store);
  for (let i = 0; i < count; i++) await log.append(i % 2 === 0 ? ana : bo, () => event());
  return { store, log, taken };
}

test("entries come back in order, with their members, and every reader has the same root", async () => {
  const { store, log } = await filled(7);
  const reader = open(store);
  await reader.log.sync();
  expect(reader.log.root).toBe(log.root);
  expect(reader.members.events.map(({ entry, member }) => `${String(entry)} ${member}`)).toEqual(
    ["ana", "bo", "ana", "bo", "ana", "bo", "ana"].map((member, entry) => `${String(entry)} ${member}`),
  );
});

test("sixteen writers at once: nothing is lost, nothing is doubled", async () => {
  const store = new MemoryStore();
  const writers = Array.from({ length: 16 }, () => open(store).log);
  await Promise.all(writers.map((log, i) => log.append(i % 2 === 0 ? ana : bo, () => event())));
  const reader = open(store);
  await reader.log.sync();
  expect(new Set(reader.members.events.map(({ event: e }) => e.operation)).size).toBe(16);
  expect(reader.log.size).toBe(16);
});

test("a stranger's commit counts as empty, wherever it stands, and blocks nobody", async () => {
  const { store, log } = await filled(2);
  const forger = new Log(store, PROJECT, new Everybody(), () => {});
  await forger.append(stranger, () => event());
  store.objects.set(commitName(5), randomBytes(100));
  store.objects.set(commitName(4), Buffer.alloc(0));
  await log.append(ana, () => event());
  for (let i = 0; i < 4; i++) await log.append(bo, () => event());
  const reader = open(store);
  await reader.log.sync();
  expect(reader.log.size).toBe(7);
  expect(reader.log.root).toBe(log.root);
});

test("an entry dated over five minutes ahead does not count", async () => {
  const { log } = await filled(1);
  await expect(log.append(ana, () => event({ timeMs: Date.now() + 6 * 60_000 }))).rejects.toMatchObject({
    code: "FAILURE",
  });
  expect(log.size).toBe(1);
});

test("an entry of another project does not count", async () => {
  const { log } = await filled(1);
  await expect(log.append(ana, () => event({ project: "f".repeat(32) }))).rejects.toMatchObject({ code: "FAILURE" });
});

describe("what is done to commits is found", () => {
  const flip = (bytes: Uint8Array) =>
    Buffer.from(bytes).fill((bytes[bytes.length >> 1] ?? 0) ^ 1, bytes.length >> 1, (bytes.length >> 1) + 1);
  const harms: Readonly<Record<string, (objects: Map<string, Buffer>) => void>> = {
    "a bit flipped in the middle": (o) => void o.set(commitName(3), flip(o.get(commitName(3)) as Buffer)),
    "one removed in the middle": (o) => void o.delete(commitName(3)),
    "one replaced by junk": (o) => void o.set(commitName(3), randomBytes(50)),
    "two swapped": (o) => {
      const [a, b] = [o.get(commitName(2)) as Buffer, o.get(commitName(3)) as Buffer];
      o.set(commitName(2), b).set(commitName(3), a);
    },
    "one repeated over the next": (o) => void o.set(commitName(4), o.get(commitName(3)) as Buffer),
    "the first removed": (o) => void o.delete(commitName(0)),
  };

  test.each(Object.keys(harms))("by a reader who never saw it: %s", async (harm) => {
    const { store } = await filled(6);
    harms[harm]?.(store.objects);
    await expect(open(store).log.sync()).rejects.toMatchObject({ code: "INTEGRITY" });
  });

  test.each(["the last changed", "the last removed", "all removed", "rolled back and written anew"])(
    "by a reader who saw it: %s",
    async (harm) => {
      const { store, taken } = await filled(6);
      const last = commitName(5);
      if (harm === "the last changed") store.objects.set(last, flip(store.objects.get(last) as Buffer));
      if (harm === "the last removed") store.objects.delete(last);
      if (harm === "all removed") store.objects.clear();
      if (harm === "rolled back and written anew") {
        store.objects.delete(last);
        await open(store).log.append(bo, () => event());
      }
      const { log } = open(store);
      expect(log.restore(taken)).toBe(true);
      await expect(log.sync()).rejects.toMatchObject({ code: "INTEGRITY" });
    },
  );
});

test("a lost answer does not double an entry", async () => {
  for (let k = 1; k <= 12; k++) {
    const store = new MemoryStore();
    await open(store).log.append(ana, () => event());
    const { log } = open(new FaultyStore(store, "ambiguous", k));
    const operation = randomBytes(16).toString("hex");
    await log.append(bo, () => event({ operation })).catch(() => undefined);
    const again = open(store);
    await again.log.append(bo, () => event({ operation })).catch(() => undefined);
    await again.log.sync();
    expect(again.members.events.filter((logged) => logged.event.operation === operation)).toHaveLength(1);
  }
});

/** For the forger's own view: every key is a member's. */
class Everybody extends Members {
  override async keyOf(keyId: string) {
    if (keyIdOf(stranger.signs) === keyId) return { signs: stranger.signs, member: "stranger" };
    return super.keyOf(keyId);
  }
}
