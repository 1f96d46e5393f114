// Publishing a policy version: keys for the classes it names, the signed file, and the log entry that gives it force.
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, integrity, isIntegrity } from "../../base/errors.ts";
import { generateAge, recipientOf } from "../../keys/age-key.ts";
import {
  isUnderKms,
  type KmsEpoch,
  openPrivateHalf,
  sealPrivateHalf,
  unsealPrivateHalf,
  wrapPrivateHalf,
} from "../../keys/class-key.ts";
import { type Envelope, encodeEnvelope } from "../../keys/dsse.ts";
import { checkReads, checkSigns, type Identity, keyIdOf } from "../../keys/identity.ts";
import type { Kms } from "../../keys/kms.ts";
import { entitlements } from "../../policy/entitlements.ts";
import { checkHalves } from "../../policy/key-halves.ts";
import { kmsKeyOf } from "../../policy/kms-key.ts";
import type { Device, Member, Policy } from "../../policy/schema.ts";
import type { Store } from "../../store/store.ts";
import { AUDIT_PLACE, encodeEpoch, epochKey, epochName, keyFileName, kmsFileName, NAMES_CLASS } from "../class-keys.ts";
import { holderOf } from "../devices.ts";
import { eachOf } from "../each-of.ts";
import { ENVELOPE_BYTES_MAX, parsePolicy, policyName } from "../policy-shelf.ts";

export interface KeyPlace {
  readonly domain: string;
  readonly class: string;
}

/** A private half that is at hand, to be wrapped for those entitled to it. */
export interface HeldKey {
  readonly key: string;
  readonly place: KeyPlace;
  readonly secret: string;
  /** Its signed record where it is under KMS: then KMS hands it out, and nobody else. */
  readonly kms: KmsEpoch | undefined;
}

/** A place that needs a key, with the oldest epoch that will do, and the KMS key that it is to be under. */
export interface NeededKey {
  readonly place: KeyPlace;
  readonly epoch: number;
  readonly kms?: string | undefined;
}

/**
 * Places that need a key under a policy. Names and audit details stay with the members' devices also where classes are
 * under KMS: whoever KMS refuses must still be able to say what they were refused. A class that nobody may read has no
 * key yet: one that is given to nobody is lost, and so is what is pushed under it.
 */
export function placesNeeded(policy: Policy): readonly NeededKey[] {
  const places: NeededKey[] = [{ place: AUDIT_PLACE, epoch: 1 }];
  for (const { id: domain, epoch } of policy.domains) {
    places.push({ place: { domain, class: NAMES_CLASS }, epoch: 1 });
    for (const klass of policy.classifications) {
      const needed = { place: { domain, class: klass }, epoch, kms: kmsKeyOf(policy, klass) };
      if (needed.kms !== undefined || isReadable(policy, needed.place)) places.push(needed);
    }
  }
  return places;
}

function isReadable(policy: Policy, place: KeyPlace): boolean {
  return policy.members.some((member) => member.suspended === undefined && entitledTo(policy, member)(place));
}

/** Which places a policy entitles a member to the private half of. */
export function entitledTo(policy: Policy, member: Member): (place: KeyPlace) => boolean {
  const { classKeys, nameKeys, auditKey } = entitlements(policy, member.id);
  const classes = new Set(classKeys.map((key) => `${key.domain}/${key.class}`));
  return (place) => {
    if (place.domain === AUDIT_PLACE.domain) return auditKey;
    if (place.class === NAMES_CLASS) return nameKeys.includes(place.domain);
    return classes.has(`${place.domain}/${place.class}`);
  };
}

/** Makes a key pair for every place that has none: the signed epoch records and their digests, by `domain/class/epoch`. */
export async function makeEpochs(
  store: Store,
  identity: Identity,
  project: string,
  places: readonly NeededKey[],
): Promise<{ readonly digests: Record<string, string>; readonly held: readonly HeldKey[] }> {
  const digests: Record<string, string> = {};
  const held: HeldKey[] = [];
  for (const { place, epoch: first, kms } of places) {
    const secret = generateAge();
    const recipient = recipientOf(secret);
    // A taken name is junk or an attempt that never got into the log: the next epoch serves as well.
    for (let epoch = first; ; epoch++) {
      const key = epochKey(place, epoch);
      const record = { project, ...place, epoch, recipient, ...(kms === undefined ? {} : { kms }) };
      const bytes = await encodeEpoch(record, identity);
      if ((await store.create(epochName(key), [bytes])) === "exists") continue;
      digests[key] = sha256Hex(bytes);
      held.push({ key, place, secret, kms: isUnderKms(record) ? record : undefined });
      break;
    }
  }
  return { digests, held };
}

/** Encrypts held keys that are under KMS: each once, for everybody whom KMS lets decrypt. */
export async function keepUnderKms(store: Store, kms: Kms, held: readonly HeldKey[]): Promise<void> {
  for (const { key, secret, kms: record } of held) {
    if (!record) continue;
    const name = kmsFileName(key);
    const file = await sealPrivateHalf(kms, record, secret);
    await put(store, name, file, true);
    // Here, because who makes the key need not be one of those who may open it again.
    const there = await store.get(name, KEY_FILE_BYTES_MAX);
    if (!there || !Buffer.from(there).equals(file)) throw integrity(`${name} could not be kept`);
  }
}

/**
 * Wraps held keys for every device of every member whom the policy entitles, where there is none yet. What lies under one's own name and does
 * not open is junk, and is replaced; what lies under others' names cannot be judged, so `anew` says whose to write again.
 * @returns `domain/class` of what was given, by member
 */
export async function distribute(
  store: Store,
  policy: Policy,
  held: readonly HeldKey[],
  anew: (device: Device, key: HeldKey) => boolean,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const triples = policy.members.flatMap((member) => {
    const mayHold = entitledTo(policy, member);
    const keys = member.suspended === undefined ? held.filter((key) => !key.kms && mayHold(key.place)) : [];
    return keys.flatMap((key) => member.devices.map((device) => ({ member, device, key, isGiven: false })));
  });
  await eachOf(triples, GIVEN_AT_ONCE, async (triple) => {
    triple.isGiven = await give(store, triple.device, triple.key, anew(triple.device, triple.key));
  });
  const given = new Map<string, Set<string>>();
  for (const { member, key } of triples.filter(({ isGiven }) => isGiven)) {
    given.set(member.id, (given.get(member.id) ?? new Set()).add(`${key.place.domain}/${key.place.class}`));
  }
  return new Map([...given].map(([id, places]) => [id, [...places]]));
}

/** Requests to a store under way at once: a team has hundreds of key files, and a bucket may be far. */
const GIVEN_AT_ONCE = 16;

async function give(store: Store, { reads }: Device, { key, secret }: HeldKey, anew: boolean): Promise<boolean> {
  const name = keyFileName(key, reads);
  // Encrypting is what takes time, and mostly the file is there.
  if (!anew && (await store.range(name, 0, 1))) return false;
  return put(store, name, await wrapPrivateHalf(secret, reads), anew);
}

async function put(store: Store, name: string, file: Uint8Array, anew: boolean): Promise<boolean> {
  if ((await store.create(name, [file])) === "created") return true;
  if (!anew) return false;
  // Nobody can have put this key there before: whatever lies there was planted.
  await store.delete(name);
  if ((await store.create(name, [file])) === "created") return true;
  throw integrity(`somebody keeps putting other objects at ${name}`, { next: "find out who writes to the store" });
}

/** New keys exist only in this process until they are read back: a class whose key is lost can never be read. */
export async function checkHeld(
  store: Store,
  kms: Kms,
  identity: Identity,
  held: readonly HeldKey[],
  mine: Policy,
): Promise<void> {
  const me = holderOf(mine, keyIdOf(identity.signs))?.member;
  const mayHold = me ? entitledTo(mine, me) : () => false;
  for (const { key, place, secret, kms: record } of held) {
    if (!mayHold(place)) continue;
    const name = record ? kmsFileName(key) : keyFileName(key, identity.reads);
    const file = await store.get(name, KEY_FILE_BYTES_MAX);
    const open = async (bytes: Uint8Array) =>
      record ? unsealPrivateHalf(kms, record, bytes, name) : openPrivateHalf(bytes, identity, recipientOf(secret));
    if (!file || (await open(file)) !== secret)
      throw integrity(`the new key of ${place.domain}/${place.class} could not be kept`);
  }
}

const KEY_FILE_BYTES_MAX = 8 * 1024;

/** Writes the signed version. The name holds its digest, so what is there already is the same file, signed earlier. */
export async function storePolicy(store: Store, policy: Policy, envelope: Envelope): Promise<string> {
  const digest = sha256Hex(envelope.payload);
  const name = policyName(policy.version, digest);
  const bytes = encodeEnvelope(envelope);
  if ((await store.create(name, [bytes])) === "created") return digest;
  // Several signatures stand in the log: with them the text is enough, and somebody may be reading it.
  if (envelope.signatures.length > 1 && (await holdsText(store, name, digest))) return digest;
  await store.delete(name);
  await store.create(name, [bytes]);
  return digest;
}

async function holdsText(store: Store, name: string, digest: string): Promise<boolean> {
  try {
    const there = await store.get(name, ENVELOPE_BYTES_MAX);
    return there !== undefined && sha256Hex(parsePolicy(there, name).payload) === digest;
  } catch (error) {
    if (isIntegrity(error)) return false;
    throw error;
  }
}

/** Reads a policy that is to be signed. @throws CloisterError USAGE listing what is wrong, with line:column */
export async function readForSigning(text: Uint8Array, file: string, now: number): Promise<Policy> {
  const { readPolicy } = await import("../../policy/read.ts");
  const { policy, problems } = readPolicy(text, { now });
  if (policy) {
    checkKeys(policy, file);
    checkHalves(policy);
    return policy;
  }
  const errors = problems.filter((problem) => problem.severity === "error");
  throw new CloisterError("USAGE", `${file} has ${String(errors.length)} problem${errors.length === 1 ? "" : "s"}`, {
    why: errors.map(({ line, column, message }) => `${String(line)}:${String(column)} ${message}`).join("\n"),
    next: `cloister policy check ${file}`,
  });
}

/** The reader knows the form of keys only; a mistyped one would lock its member out for good. */
function checkKeys(policy: Policy, file: string): void {
  const devices = policy.members.flatMap(({ id, devices: of }) => of.map((device) => ({ id, ...device })));
  for (const { id, line, signs, reads } of devices) {
    const wrong = checkSigns(signs) ? (checkReads(reads) ? undefined : "reads") : "signs";
    if (wrong === undefined) continue;
    throw new CloisterError("USAGE", `${file} has a key that cannot be one`, {
      why: `line ${String(line)}: \`${wrong}\` of ${id}`,
      next: "copy it from that member's: cloister whoami",
    });
  }
}
