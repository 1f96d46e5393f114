// New policy versions: proposed from the local file, or made by adding a member.
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { isUnderKms } from "../../keys/class-key.ts";
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import { addMember as addToText, setVersion } from "../../policy/edit.ts";
import { entitlements } from "../../policy/entitlements.ts";
import { kmsKeyOf } from "../../policy/kms-key.ts";
import { holdingText, type Policy } from "../../policy/schema.ts";
import { epochKey } from "../class-keys.ts";
import { POLICY_FILE } from "../config.ts";
import { holderOf } from "../devices.ts";
import { type Ask, perform, permit, wouldPermit } from "../guard.ts";
import { keysElsewhere } from "../key/kms-pending.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import { argumentsOfStore } from "../open-store.ts";
import { readClaim } from "../project/join.ts";
import { handOnAfter } from "../release/hand-on.ts";
import { ownersOf, type Session } from "../session.ts";
import type { AddMemberOptions, MemberAdded, MemberSummary, Proposed } from "../types.ts";
import { localState, POLICY_BYTES_MAX } from "./local-policy.ts";
import {
  checkHeld,
  distribute,
  type HeldKey,
  type KeyPlace,
  keepUnderKms,
  makeEpochs,
  type NeededKey,
  placesNeeded,
  readForSigning,
  storePolicy,
} from "./publish.ts";

/**
 * Adds the person behind a join line: a new signed policy version, and the class keys that their roles entitle them to.
 * @throws CloisterError USAGE, INTEGRITY (a changed line), POLICY_DENIED
 */
export async function addMember(session: Session, options: AddMemberOptions): Promise<MemberAdded> {
  const claim = readClaim(options.line);
  await session.sync();
  const current = await session.policy();
  const { policy } = current.compiled;
  if (claim.project !== session.config.project || claim.pin !== session.config.pin) {
    throw new CloisterError("USAGE", "this join line is for another project", {
      next: `ask them to run: cloister join ${argumentsOfStore(session.store.url, session.config)}`,
    });
  }
  const id = checkName(options.id ?? claim.member, "member id");
  const name = options.name ?? claim.name;
  const taken = policy.members.find((m) => m.id === id) ?? holderOf(policy, keyIdOf(claim.signs))?.member;
  if (taken) {
    throw new CloisterError("USAGE", `${taken.id} is a member already`, {
      next: taken.id === id ? "choose another id: --id ID" : "cloister member list",
    });
  }
  if (options.roles.length === 0) {
    throw new CloisterError("USAGE", "which role?", {
      next: `pass --role ROLE; roles: ${policy.roles.map((role) => role.id).join(", ")}`,
    });
  }
  const next = { version: policy.version + 1, previous: session.ledger.inForce.digest };
  const { signs, reads } = claim;
  const text = addToText(current.text, { id, name, roles: options.roles, signs, reads }, next);
  const ask: Ask = {
    title: `add member ${id}`,
    action: "member.add",
    ...(options.justification === undefined ? {} : { justification: options.justification }),
    sealed: { member: id, name, roles: options.roles.join(" "), justification: options.justification },
  };
  const published = await publish(session, ask, Buffer.from(text), {
    dryRun: options.dryRun,
    file: POLICY_FILE,
    ifEdited: "add the member there, too",
  });
  return {
    member: id,
    name,
    roles: options.roles,
    fingerprint: fingerprint(claim),
    policyVersion: next.version,
    policyDigest: published.digest,
    keys: published.given.get(id) ?? [],
    kmsKeys: underKms(published.next, id),
    logEntry: published.logEntry,
    dryRun: options.dryRun === true,
  };
}

/**
 * Signs and publishes the local policy file as the next version. Its `version` and `previous` are set here.
 * @throws CloisterError USAGE (problems in the file, nothing changed), POLICY_DENIED
 */
export async function proposePolicy(
  session: Session,
  options: { readonly justification?: string | undefined; readonly dryRun?: boolean | undefined },
): Promise<Proposed> {
  await session.sync();
  const file = join(session.config.folder, POLICY_FILE);
  const bytes = await readLocal(file, POLICY_BYTES_MAX);
  if (!bytes)
    throw new CloisterError("NOT_FOUND", `there is no ${file}`, {
      next: `cloister policy show --text > ${POLICY_FILE}`,
    });
  if (sha256Hex(bytes) === session.ledger.inForce.digest) {
    throw new CloisterError("USAGE", "there is nothing to propose", { why: `${file} is what is in force` });
  }
  const local = await readForSigning(bytes, file, session.host.now());
  const { inForce } = session.ledger;
  if (local.version !== inForce.version && local.version !== inForce.version + 1) throw outdated(file, local, inForce);
  if (local.version === inForce.version + 1 && local.previous !== inForce.digest) throw outdated(file, local, inForce);
  const version = inForce.version + 1;
  const text = setVersion(bytes.toString("utf8"), { version, previous: session.ledger.inForce.digest });
  const ask: Ask = {
    title: `change the policy to version ${String(version)}`,
    action: "policy.change",
    ...(options.justification === undefined ? {} : { justification: options.justification }),
    sealed: { justification: options.justification },
  };
  const { next, digest, logEntry } = await publish(session, ask, Buffer.from(text), { dryRun: options.dryRun, file });
  const elsewhere = options.dryRun ? [] : await keysElsewhere(session, next);
  if (elsewhere.length > 0) {
    session.host.notice(
      `keys of ${elsewhere.join(", ")} stay where they are until there are new ones: cloister key rotate`,
    );
  }
  return { version, digest, file, logEntry, dryRun: options.dryRun === true };
}

/** Signing it would undo what others changed since. */
function outdated(file: string, local: Policy, inForce: { readonly version: number }): CloisterError {
  return new CloisterError("USAGE", `${file} was made from version ${String(local.version)}`, {
    why: `version ${String(inForce.version)} is in force, and what it changed would be lost`,
    next: `cloister policy show --text > theirs.yaml, bring your changes into it, and put it in place of ${POLICY_FILE}`,
  });
}

/** What the policy entitles a member to and KMS hands out, if their IAM role lets it. */
function underKms(policy: Policy, member: string): readonly string[] {
  const { classKeys } = entitlements(policy, member);
  const there = classKeys.filter((key) => kmsKeyOf(policy, key.class) !== undefined);
  return there.map((key) => `${key.domain}/${key.class}`);
}

interface Published {
  readonly next: Policy;
  readonly digest: string;
  readonly logEntry: number | undefined;
  /** Keys that it made, as `domain/class/epoch`; of a dry run those it would make. */
  readonly made: readonly string[];
  readonly given: ReadonlyMap<string, readonly string[]>;
}

interface Publication {
  readonly dryRun: boolean | undefined;
  /** Names the text in errors. */
  readonly file: string;
  /** What to do where the local file differs from what was in force; absent where that file is what is published. */
  readonly ifEdited?: string;
  /** Keys to make besides those that the version needs. */
  readonly besides?: readonly NeededKey[];
}

/** Decides, makes the keys the new version needs, stores it signed, gives it force by its log entry, hands out keys. */
export async function publish(
  session: Session,
  ask: Ask,
  text: Uint8Array,
  { dryRun, file, ifEdited, besides = [] }: Publication,
): Promise<Published> {
  const next = await readForSigning(text, file, session.host.now());
  await (dryRun ? wouldPermit : permit)(session, ask);
  await checkSuccession(session, next);
  const epochs = session.ledger.epochs;
  const missing = [...placesNeeded(next), ...besides].filter(
    ({ place, epoch }) => !hasEpoch(epochs.keys(), `${place.domain}/${place.class}/`, epoch),
  );
  if (dryRun) {
    const made = missing.map(({ place, epoch }) => epochKey(place, epoch));
    return { next, digest: sha256Hex(text), logEntry: undefined, made, given: new Map() };
  }
  const localFile = await localState(session);
  const version = next.version;
  const { result, done } = await perform(session, ask, async () => {
    const { store, config } = session;
    const identity = await session.identity();
    const { digests, held } = await makeEpochs(store, identity, config.project, missing);
    await keepUnderKms(store, session.kms, held);
    // Handed out before the version takes force: afterwards it would be too late to notice that it failed.
    const fresh = await distribute(store, next, held, () => true);
    await checkHeld(store, session.kms, identity, held, next);
    const digest = await storePolicy(store, identity, next, text);
    const outcome = { facts: { policyVersion: version, policyDigest: digest, epochs: digests } };
    return { result: { digest, fresh, made: Object.keys(digests) }, outcome };
  });
  const before = (await session.ledger.policy(version - 1)).compiled.policy;
  const known = new Set(before.members.flatMap(({ devices }) => devices.map(({ reads }) => reads)));
  const isNew = ({ reads }: { readonly reads: string }) => !known.has(reads);
  const old = await distribute(session.store, next, await heldKeys(session), isNew);
  await handOnAfter(session, before, next);
  const given = new Map(next.members.map(({ id }) => [id, [...(old.get(id) ?? []), ...(result.fresh.get(id) ?? [])]]));
  if (localFile !== "differs" || ifEdited === undefined) {
    await writeLocal(join(session.config.folder, POLICY_FILE), text, 0o644);
  } else {
    session.host.notice(`${POLICY_FILE} differs from what was in force and was left alone; ${ifEdited}`);
  }
  return { next, digest: result.digest, logEntry: done.entry, made: result.made, given };
}

function hasEpoch(keys: Iterable<string>, prefix: string, epoch: number): boolean {
  for (const key of keys) if (key.startsWith(prefix) && Number(key.slice(prefix.length)) >= epoch) return true;
  return false;
}

/** What readers will check when it is logged, checked before anything is written. */
async function checkSuccession(session: Session, next: Policy): Promise<void> {
  const { policy } = (await session.policy()).compiled;
  const me = await session.me();
  if (next.projectId !== session.config.project) {
    throw new CloisterError("USAGE", "the policy file names another project id", {
      next: `id: ${session.config.project}`,
    });
  }
  if (!policy.owners.members.includes(me.id) || !next.owners.members.includes(me.id)) {
    throw new CloisterError("POLICY_DENIED", `sign policy version ${String(next.version)}`, {
      why: "a new version is signed by an owner of the version before and by one of its own",
      next: `ask an owner: ${ownersOf(policy)}`,
    });
  }
}

/** Private halves this member holds, newest epochs and old ones: what can be handed on. */
async function heldKeys(session: Session): Promise<readonly HeldKey[]> {
  const held: HeldKey[] = [];
  for (const key of session.ledger.epochs.keys()) {
    const [domain = "", klass = "", epoch = ""] = key.split("/");
    const place = { domain, class: klass };
    const secret = await ownSecret(session, place, Number(epoch)).catch(unlessDamaged);
    if (secret !== undefined) held.push({ key, place, secret, kms: undefined });
  }
  return held;
}

/** What is under KMS is handed on to nobody: KMS gives it to whom it gives it. */
async function ownSecret(session: Session, place: KeyPlace, epoch: number): Promise<string | undefined> {
  const record = await session.keys.record(place, epoch);
  return isUnderKms(record) ? undefined : session.keys.secret(place, epoch);
}

/** A key file of one's own that was replaced by junk is a key one does not hold. */
function unlessDamaged(error: unknown): undefined {
  if (isIntegrity(error)) return undefined;
  throw error;
}

/** Everybody in the policy in force. */
export async function listMembers(session: Session): Promise<readonly MemberSummary[]> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const me = await session.device().catch(() => undefined);
  const mine = me && keyIdOf(me.signs);
  return policy.members.map((member) => {
    const devices = member.devices.map((device) => ({
      name: device.name,
      fingerprint: fingerprint(device),
      here: keyIdOf(device.signs) === mine,
    }));
    return {
      id: member.id,
      name: member.name,
      roles: member.roles.map(holdingText),
      fingerprint: devices[0]?.fingerprint ?? "",
      devices,
      suspended: member.suspended !== undefined,
      owner: policy.owners.members.includes(member.id),
      you: devices.some(({ here }) => here),
    };
  });
}
