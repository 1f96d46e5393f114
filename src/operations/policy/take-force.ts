// Giving a policy version force: keys for the classes it names, the signed file, the log entry, and keys for new devices.

import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, unlessDamaged } from "../../base/errors.ts";
import { isUnderKms } from "../../keys/class-key.ts";
import type { Envelope } from "../../keys/dsse.ts";
import { kmsKeyOf } from "../../policy/kms-key.ts";
import type { Device, Policy } from "../../policy/schema.ts";
import { type Ask, begin } from "../guard.ts";
import { signaturesFact } from "../policy-signatures.ts";
import { handOnAfter } from "../release/hand-on.ts";
import type { Session } from "../session.ts";
import type { LackingKeys } from "../types.ts";
import { lackingKeys } from "./lacking-keys.ts";
import {
  checkHeld,
  distribute,
  type HeldKey,
  type KeyPlace,
  keepUnderKms,
  makeEpochs,
  type NeededKey,
  placesNeeded,
  storePolicy,
} from "./publish.ts";

/** A version that everybody who must has signed. */
export interface SignedPolicy {
  readonly next: Policy;
  readonly envelope: Envelope;
  /** Keys to make besides those that the version needs. */
  readonly besides: readonly NeededKey[];
}

export interface InForceNow {
  readonly logEntry: number;
  /** Keys that it made, as `domain/class/epoch`. */
  readonly made: readonly string[];
  /** `domain/class` of the keys that were given to somebody, by member. */
  readonly given: ReadonlyMap<string, readonly string[]>;
  /** Keys that new devices still need from somebody else. */
  readonly lacking: readonly LackingKeys[];
}

/** Keys that a version needs and the log has none of, or none that is young enough. */
export function missingKeys(session: Session, next: Policy, besides: readonly NeededKey[]): readonly NeededKey[] {
  const epochs = [...session.ledger.epochs.keys()];
  const hasEpoch = ({ place, epoch }: NeededKey) => {
    const prefix = `${place.domain}/${place.class}/`;
    return epochs.some((key) => key.startsWith(prefix) && Number(key.slice(prefix.length)) >= epoch);
  };
  return [...placesNeeded(next), ...besides].filter((needed) => !hasEpoch(needed));
}

/** New keys for places of a policy, whatever the log has; what the policy does not know is left out. */
export function keysAnew(session: Session, next: Policy, places: readonly string[]): readonly NeededKey[] {
  return places.flatMap((text) => {
    const [domain = "", klass = ""] = text.split("/");
    const known = next.domains.some(({ id }) => id === domain) && next.classifications.includes(klass);
    const place = { domain, class: klass };
    const newest = session.keys.epochsOf(place).at(-1) ?? 0;
    return known ? [{ place, epoch: newest + 1, kms: kmsKeyOf(next, klass) }] : [];
  });
}

/**
 * Publishes a signed version. Where somebody else publishes the very same one first, it is in force all the same.
 * @throws CloisterError POLICY_DENIED, UNAVAILABLE (another version took force meanwhile)
 */
export async function takeForce(session: Session, ask: Ask, signed: SignedPolicy): Promise<InForceNow> {
  const { next, envelope } = signed;
  const { store, config, ledger } = session;
  const digest = sha256Hex(envelope.payload);
  const before = (await session.policy()).compiled.policy;
  const operation = await begin(session, ask);
  const work = async () => {
    const identity = await session.identity();
    const missing = missingKeys(session, next, signed.besides);
    const { digests, held } = await makeEpochs(store, identity, config.project, missing);
    await keepUnderKms(store, session.kms, held);
    // Handed out before the version takes force: afterwards it would be too late to notice that it failed.
    const fresh = await distribute(store, next, held, () => true);
    await checkHeld(store, session.kms, identity, held, next);
    await storePolicy(store, next, envelope);
    const facts = {
      ...{ policyVersion: next.version, policyDigest: digest, epochs: digests },
      ...(envelope.signatures.length > 1 ? { signatures: [...signaturesFact(envelope)] } : {}),
    };
    const done = await operation.done(() => {
      if (ledger.inForce.version >= next.version) throw overtaken(next.version);
      return { facts };
    });
    return { entry: done.entry, made: Object.keys(digests), fresh };
  };
  const result = await work().catch(async (error: unknown) => {
    await operation.failed(error);
    // Two who signed at once: one of them published it.
    const { inForce } = ledger;
    if (inForce.version !== next.version || inForce.digest !== digest) throw error;
    return { entry: inForce.entry, made: [], fresh: new Map<string, readonly string[]>() };
  });
  const members = before.members.filter(({ suspended }) => suspended === undefined);
  const known = new Set(members.flatMap(({ devices }) => devices.map(({ reads }) => reads)));
  const isNew = ({ reads }: Device) => !known.has(reads);
  const old = await distribute(store, next, await heldKeys(session), isNew);
  await handOnAfter(session, before, next);
  const given = next.members.map(({ id }): [string, readonly string[]] => {
    return [id, [...(old.get(id) ?? []), ...(result.fresh.get(id) ?? [])]];
  });
  const lacking = await lackingKeys(session, next, isNew);
  return { logEntry: result.entry, made: result.made, given: new Map(given), lacking };
}

function overtaken(version: number): CloisterError {
  return new CloisterError("UNAVAILABLE", `another policy version ${String(version)} took force a moment ago`, {
    why: "whoever signed this one did not know of that",
    next: "cloister policy log, then propose it anew",
  });
}

/** Private halves this member holds, newest epochs and old ones: what can be handed on. */
export async function heldKeys(session: Session): Promise<readonly HeldKey[]> {
  const held: HeldKey[] = [];
  for (const key of session.ledger.epochs.keys()) {
    const [domain = "", klass = "", epoch = ""] = key.split("/");
    const place = { domain, class: klass };
    // A key file of one's own that was replaced by junk is a key one does not hold.
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
