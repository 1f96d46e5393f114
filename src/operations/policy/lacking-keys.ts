// Keys that devices may have and do not: whoever published could hand on only what they hold themselves.
import { isUnderKms } from "../../keys/class-key.ts";
import type { Device, Member, Policy } from "../../policy/schema.ts";
import { keyFileName } from "../class-keys.ts";
import { eachOf } from "../each-of.ts";
import type { Session } from "../session.ts";
import type { LackingKeys } from "../types.ts";
import { entitledTo } from "./publish.ts";

/** Requests to a store under way at once. */
const ASKED_AT_ONCE = 16;

/** By member: the keys that some device of theirs lacks, and who holds all of those. */
export async function lackingKeys(
  session: Session,
  policy: Policy,
  of: (device: Device) => boolean,
): Promise<readonly LackingKeys[]> {
  const keys = await keysWithFiles(session);
  const members = policy.members.filter(({ suspended }) => suspended === undefined);
  const lacking: LackingKeys[] = [];
  for (const member of members) {
    const devices = member.devices.filter(of);
    const missing = await filter(
      entitledKeys(policy, member, keys),
      async (key) => !(await haveAll(session, devices, key)),
    );
    if (devices.length === 0 || missing.length === 0) continue;
    const others = members.filter(({ id }) => id !== member.id);
    const holders = await filter(others, async ({ devices: theirs }) => {
      const have = await filter(missing, (key) => haveAll(session, theirs.slice(0, 1), key));
      return have.length === missing.length;
    });
    lacking.push({ member: member.id, keys: missing, holders: holders.map(({ id }) => id) });
  }
  return lacking;
}

/** Those under KMS have no files. */
async function keysWithFiles(session: Session): Promise<readonly string[]> {
  return filter([...session.ledger.epochs.keys()], async (key) => {
    const [domain = "", klass = "", epoch = ""] = key.split("/");
    return !isUnderKms(await session.keys.record({ domain, class: klass }, Number(epoch)));
  });
}

function entitledKeys(policy: Policy, member: Member, keys: readonly string[]): readonly string[] {
  const mayHold = entitledTo(policy, member);
  return keys.filter((key) => {
    const [domain = "", klass = ""] = key.split("/");
    return mayHold({ domain, class: klass });
  });
}

async function haveAll({ store }: Session, devices: readonly Device[], key: string): Promise<boolean> {
  const files = await Promise.all(devices.map(({ reads }) => store.range(keyFileName(key, reads), 0, 1)));
  return files.every((file) => file !== undefined);
}

async function filter<T>(items: readonly T[], keep: (item: T) => Promise<boolean>): Promise<readonly T[]> {
  const kept = items.map((item) => ({ item, is: false }));
  await eachOf(kept, ASKED_AT_ONCE, async (each) => {
    each.is = await keep(each.item);
  });
  return kept.filter(({ is }) => is).map(({ item }) => item);
}
