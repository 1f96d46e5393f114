// Handing out class keys to a team: only what is missing is encrypted and written.
import { expect, test } from "vitest";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import { openPrivateHalf } from "../../src/keys/class-key.ts";
import { generateIdentity, type Identity } from "../../src/keys/identity.ts";
import { keyFileName } from "../../src/operations/class-keys.ts";
import { distribute, type HeldKey } from "../../src/operations/policy/publish.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { Policy } from "../../src/policy/schema.ts";
import { FaultyStore } from "../fault/faulty-store.ts";
import { MemoryStore } from "../fault/memory-store.ts";

const CLASSES = Array.from({ length: 10 }, (_, i) => `class-${String(i)}`);

/** A policy of so many members, all of whom read all ten classes. */
function policyFor(team: readonly Identity[]): Policy {
  const members = team.map(({ signs, reads }, i) => {
    return `  m${String(i)}: { name: M, roles: [reader], signs: "${signs}", reads: "${reads}" }`;
  });
  const text = `cloister: 1
project: team
id: "${"0".repeat(32)}"
version: 1
expires: 2099-01-31
owners: { threshold: 1, members: [m0] }
classifications: [${CLASSES.join(", ")}]
domains:
  churn: { owner: m0, epoch: 1 }
members:
${members.join("\n")}
roles:
  reader: { can: [artifact.pull, policy.change], up-to: class-9 }
`;
  const { policy, problems } = readPolicy(Buffer.from(text), { now: Date.parse("2026-01-01") });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

test("a twenty-first member costs the encryption of their own ten keys, in a store that is far", async () => {
  const team = await Promise.all(Array.from({ length: 21 }, () => generateIdentity()));
  const held: HeldKey[] = CLASSES.map((klass) => {
    const place = { domain: "churn", class: klass };
    return { key: `churn/${klass}/1`, place, secret: generateAge(), kms: undefined };
  });
  const memory = new MemoryStore();
  await distribute(memory, policyFor(team.slice(0, 20)), held, () => true);
  expect(memory.objects.size).toBe(200);
  const before = new Map(memory.objects);
  const counting = new FaultyStore(memory);
  const given = await distribute(counting, policyFor(team), held, () => false);
  expect([...given]).toEqual([["m20", CLASSES.map((klass) => `churn/${klass}`)]]);
  expect(counting.calls.filter((call) => call.startsWith("create "))).toHaveLength(10);
  for (const [name, bytes] of before) expect(memory.objects.get(name)).toBe(bytes);
  const [newcomer, key] = [team[20] as Identity, held[9] as HeldKey];
  const file = memory.objects.get(keyFileName(key.key, newcomer.reads)) ?? Buffer.alloc(0);
  expect(await openPrivateHalf(file, newcomer, recipientOf(key.secret))).toBe(key.secret);
});
