// Handing halves on: who holds a half seals it to those who came into its group later, and takes it from who left.
import { CloisterError } from "../../base/errors.ts";
import { deviceIdOf } from "../../keys/identity.ts";
import type { KeyHalf } from "../../keys/key-half.ts";
import { groupName, halvesFor, holdersOf, isOfPurpose, splitsOf } from "../../policy/key-halves.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import { createNew } from "../artifact/commit-version.ts";
import { contextOfVersion, wrapName } from "../artifact/version-record.ts";
import { readRecord } from "../artifact/versions.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { HandedOn } from "../types.ts";
import { ownHalf, type SplitVersion } from "./own-half.ts";
import { halfWrap, sealFor } from "./split.ts";

interface Tally {
  readonly given: Map<string, number>;
  readonly withheld: Map<string, number>;
  taken: number;
}

/**
 * Brings up to the policy in force who holds the halves that this member holds, of all versions there are. Nobody is given
 * a half who ever held the other one of the same version: they may have kept it.
 *
 * What goes to whom follows from the policy alone, as with keys of classes: there is nothing to be decided.
 * @throws CloisterError POLICY_DENIED (suspended), INTEGRITY where a half of one's own was exchanged
 */
export async function handOn(session: Session): Promise<HandedOn> {
  await session.sync();
  const me = await session.me();
  if (me.suspended !== undefined) {
    throw new CloisterError("POLICY_DENIED", "hand on halves of keys", { why: `${me.id} is suspended` });
  }
  const tally: Tally = { given: new Map(), withheld: new Map(), taken: 0 };
  let versions = 0;
  for (const logged of await splitVersions(session)) {
    const version = await readRecord(session, logged);
    let isHeld = false;
    for (const { half } of version.record.halves ?? []) {
      const own = await ownHalf(session, version, half);
      if (own) await handOnHalf(session, version, { half, own }, tally);
      isHeld ||= own !== undefined;
    }
    if (isHeld) versions++;
  }
  const counted = (people: ReadonlyMap<string, number>) => [...people].map(([member, halves]) => ({ member, halves }));
  return { versions, given: counted(tally.given), withheld: counted(tally.withheld), taken: tally.taken };
}

/** Versions whose policy split the keys of their place, whatever kind they are of. */
async function splitVersions({ ledger }: Session): Promise<readonly LoggedVersion[]> {
  const found: LoggedVersion[] = [];
  for (const { id: domain } of (await ledger.policy()).compiled.policy.domains) {
    for (const logged of ledger.artifactsIn(domain).flatMap((nameId) => ledger.versionsOf(domain, nameId))) {
      const { event, keyId } = logged.done;
      const policy = ledger.operation(keyId, event.operation)?.intent?.event.policy ?? event.policy;
      const then = (await ledger.policy(policy)).compiled.policy;
      if (splitsOf(then, { domain, class: event.class ?? "" }).length > 0) found.push(logged);
    }
  }
  return found;
}

/** Whether or not this member is still to hold it: who changes roles is the one to hand on what they had. */
async function handOnHalf(
  session: Session,
  version: SplitVersion,
  { half, own }: { readonly half: string; readonly own: KeyHalf },
  tally: Tally,
): Promise<void> {
  const { record, versionId } = version;
  const { policy } = (await session.policy()).compiled;
  const holders = holdersOf(policy, record, half);
  const pair = halvesFor(record.halves, isOfPurpose(half, "release") ? "release" : "glass") ?? [];
  const others = await everHeld(session, version, pair.find((each) => each !== half) ?? "");
  let isKept = false;
  for (const member of holders) {
    for (const { reads } of member.devices) {
      const name = wrapName(record, versionId, halfWrap(half, reads));
      if (await session.store.range(name, 0, 1)) {
        isKept = true;
        continue;
      }
      const withheld = others.has(member.id) || others.has(reads);
      count(withheld ? tally.withheld : tally.given, member);
      if (withheld) continue;
      const { file } = await sealFor(reads, { ...contextOfVersion(record), half }, own);
      await createNew(session, name, [file]);
      isKept = true;
    }
  }
  // Never the last one: without it nobody could ever release the key.
  if (isKept) tally.taken += await takeFromOthers(session, version, half, holders);
}

/** Who could have opened a half since the version was pushed: member ids and recipients of devices. */
async function everHeld(session: Session, { record }: SplitVersion, half: string): Promise<ReadonlySet<string>> {
  const since = session.ledger.policies.filter(({ version }) => version >= record.policy);
  const policies: Policy[] = [];
  for (const { version } of since) policies.push((await session.ledger.policy(version)).compiled.policy);
  const members = policies.flatMap((policy) => holdersOf(policy, record, half));
  return new Set(members.flatMap(({ id, devices }) => [id, ...devices.map(({ reads }) => reads)]));
}

/** A file that is gone can still have been copied; one that nobody copied is gone for good. */
async function takeFromOthers(
  { store }: Session,
  { record, versionId }: SplitVersion,
  half: string,
  holders: readonly Member[],
): Promise<number> {
  const devices = new Set(holders.flatMap((member) => member.devices.map(({ reads }) => deviceIdOf(reads))));
  const names: string[] = [];
  for await (const { name } of store.list(`${wrapName(record, versionId, half)}/`)) names.push(name);
  const stale = names.filter((name) => !devices.has(name.split("/").at(-1) ?? ""));
  for (const name of stale) await store.delete(name);
  return stale.length;
}

function count(people: Map<string, number>, { id }: Member): void {
  people.set(id, (people.get(id) ?? 0) + 1);
}

/**
 * Hands on what this member holds once a policy changed who is to hold it, and says who else has to. The policy is in force
 * whatever comes of this, so that it never throws.
 */
export async function handOnAfter(session: Session, before: Policy, next: Policy): Promise<void> {
  try {
    const changed = changedGroups(before, next);
    if (changed.length === 0) return;
    await handOn(session);
    const { id } = await session.me();
    const others = changed.filter(({ holders }) => !holders.includes(id)).map(({ half }) => groupName(half));
    for (const group of others) {
      session.host.notice(
        `others are ${group} now: for versions there are, one who was has to run cloister key hand-on`,
      );
    }
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    session.host.notice(`halves of keys were not handed on (${why}): cloister key hand-on`);
  }
}

function changedGroups(before: Policy, next: Policy): readonly { half: string; holders: readonly string[] }[] {
  const groups = new Map<string, string[]>();
  for (const { id: domain } of next.domains) {
    for (const klass of next.classifications) {
      const place = { domain, class: klass };
      for (const half of splitsOf(next, place).flatMap(({ halves }) => halves)) {
        const devices = (policy: Policy) => holdersOf(policy, place, half).flatMap((holder) => holder.devices);
        const known = new Set(devices(before).map(({ reads }) => reads));
        const same = devices(next).length === known.size && devices(next).every(({ reads }) => known.has(reads));
        // What was never split before has no halves to hand on.
        if (same || known.size === 0) continue;
        groups.set(half, [...(groups.get(half) ?? []), ...holdersOf(next, place, half).map(({ id }) => id)]);
      }
    }
  }
  return [...groups].map(([half, holders]) => ({ half, holders }));
}
