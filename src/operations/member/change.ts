// One member changed by a policy version: devices, suspension. Whatever takes keys away raises the epochs they opened.
import { CloisterError } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import type { NextVersion } from "../../policy/edit.ts";
import { addDevice, removeDevice, restore, suspend } from "../../policy/edit-member.ts";
import { entitlements } from "../../policy/entitlements.ts";
import { type Member, memberOf, type Policy } from "../../policy/schema.ts";
import { POLICY_FILE } from "../config.ts";
import { holderOf } from "../devices.ts";
import type { Ask } from "../guard.ts";
import { raisedEpochs } from "../key/rotate.ts";
import { argumentsOfStore } from "../open-store.ts";
import { type Submitted, submit } from "../policy/submit.ts";
import { readClaim } from "../project/join-line.ts";
import type { Session } from "../session.ts";
import type {
  AddDeviceOptions,
  ChangeMemberOptions,
  MemberChanged,
  MemberSuspended,
  RemoveDeviceOptions,
} from "../types.ts";
import { releasedTo } from "./released.ts";

interface Change {
  readonly title: string;
  readonly action: "policy.change" | "member.add";
  readonly member: string;
  readonly justification: string | undefined;
  readonly dryRun: boolean;
  readonly text: string;
  /** What to do in a local file that differs. */
  readonly ifEdited: string;
}

/**
 * Takes a member's roles and keys away until they are restored. What they read stays read: the result says what that was.
 * @throws CloisterError NOT_FOUND, USAGE (an owner, or of a domain), POLICY_DENIED (logged)
 */
export async function suspendMember(session: Session, options: ChangeMemberOptions): Promise<MemberSuspended> {
  const { member, policy, text, next } = await start(session, options.member);
  const { justification = "" } = options;
  if (justification.trim() === "") {
    throw new CloisterError("USAGE", "why?", { next: `cloister member suspend ${member.id} --why 'left the team'` });
  }
  const epochs = raisedEpochs(session, policy, readableDomains(policy, member));
  const submitted = await change(session, {
    ...{ title: `suspend ${member.id}`, action: "policy.change", member: member.id, justification },
    text: suspend(text, member.id, justification.trim(), epochs, next),
    dryRun: options.dryRun === true,
    ifEdited: "suspend the member and raise the epochs there, too",
  });
  return {
    ...resultOf(member.id, submitted, options),
    domains: [...epochs].map(([domain, epoch]) => ({ domain, epoch })),
    released: await releasedTo(session, member.id),
  };
}

/** Lets a suspended member back in, with their roles, and hands them the keys. @throws CloisterError as {@link suspendMember} */
export async function restoreMember(session: Session, options: ChangeMemberOptions): Promise<MemberChanged> {
  const { member, text, next } = await start(session, options.member);
  const submitted = await change(session, {
    ...{ title: `restore ${member.id}`, action: "policy.change", member: member.id },
    text: restore(text, member.id, next),
    ...{ justification: options.justification, dryRun: options.dryRun === true },
    ifEdited: "take `suspended` away there, too",
  });
  return resultOf(member.id, submitted, options);
}

/** Adds the device behind a join line to a member. @throws CloisterError NOT_FOUND, USAGE, INTEGRITY, POLICY_DENIED (logged) */
export async function addMemberDevice(session: Session, options: AddDeviceOptions): Promise<MemberChanged> {
  const claim = readClaim(options.line);
  const { member, policy, text, next } = await start(session, options.member ?? claim.member);
  if (claim.project !== session.config.project || claim.pin !== session.config.pin) {
    throw new CloisterError("USAGE", "this join line is for another project", {
      next: `on that device: cloister join ${argumentsOfStore(session.store.url, session.config)}`,
    });
  }
  const holder = holderOf(policy, keyIdOf(claim.signs));
  if (holder) {
    throw new CloisterError("USAGE", `${holder.member.id} has this device already`, { next: "cloister member list" });
  }
  const name = options.name === undefined ? undefined : checkName(options.name, "device name");
  const { signs, reads } = claim;
  const submitted = await change(session, {
    ...{ title: `add a device of ${member.id}`, action: "member.add", member: member.id },
    text: addDevice(text, member.id, { name, signs, reads }, next),
    ...{ justification: options.justification, dryRun: options.dryRun === true },
    ifEdited: "add the device there, too",
  });
  return resultOf(member.id, submitted, options);
}

/**
 * Takes a device of a member away. Its key signs nothing that counts from then on; new keys begin, as it held the old ones.
 * @throws CloisterError NOT_FOUND, USAGE (the only one), POLICY_DENIED (logged)
 */
export async function removeMemberDevice(session: Session, options: RemoveDeviceOptions): Promise<MemberChanged> {
  const { member, policy, text, next } = await start(session, options.member);
  const device = deviceOf(member, options.device);
  const epochs = raisedEpochs(session, policy, readableDomains(policy, member));
  const submitted = await change(session, {
    ...{ title: `remove a device of ${member.id}`, action: "policy.change", member: member.id },
    text: removeDevice(text, member.id, device, epochs, next),
    ...{ justification: options.justification, dryRun: options.dryRun === true },
    ifEdited: "take the device away and raise the epochs there, too",
  });
  return resultOf(member.id, submitted, options);
}

async function start(session: Session, id: string) {
  await session.sync();
  const { compiled, text } = await session.policy();
  const { policy } = compiled;
  const member = memberOf(policy, id);
  if (!member) throw new CloisterError("NOT_FOUND", `there is no member ${id}`, { next: "cloister member list" });
  const next: NextVersion = { version: policy.version + 1, previous: session.ledger.inForce.digest };
  return { member, policy, text, next };
}

function change(session: Session, { title, action, member, justification, dryRun, text, ifEdited }: Change) {
  const ask: Ask = {
    ...{ title, action, sealed: { member, justification } },
    ...(justification === undefined ? {} : { justification }),
  };
  return submit(session, ask, Buffer.from(text), { dryRun, file: POLICY_FILE, ifEdited });
}

function resultOf(
  member: string,
  { next, digest, logEntry, pending, given, lacking, made }: Submitted,
  { dryRun = false }: { readonly dryRun?: boolean | undefined },
): MemberChanged {
  const common = { member, policyVersion: next.version, policyDigest: digest, logEntry, pending, lacking, dryRun };
  return { ...common, given: given.get(member) ?? [], made };
}

/** Domains of which the member holds the key of some class. */
function readableDomains(policy: Policy, { id }: Member): readonly string[] {
  return [...new Set(entitlements(policy, id).classKeys.map(({ domain }) => domain))];
}

/** Signing key of the device that is meant: by its name, or first letters of its fingerprint or key id. */
function deviceOf(member: Member, text: string): string {
  const bare = (value: string) => value.toUpperCase().replaceAll("-", "");
  const fitting = member.devices.filter((device) => {
    const names = [device.name ?? "", device.signs];
    const starts = [bare(fingerprint(device)), keyIdOf(device.signs).toUpperCase()];
    return names.includes(text) || (text.length >= PREFIX_MIN && starts.some((start) => start.startsWith(bare(text))));
  });
  const [only, ...more] = fitting;
  if (only && more.length === 0) return only.signs;
  throw new CloisterError(
    only ? "USAGE" : "NOT_FOUND",
    `${only ? "several devices" : "no device"} of ${member.id}: ${text}`,
    {
      next: "cloister member list, and name it by its name or fingerprint",
    },
  );
}

const PREFIX_MIN = 4;
