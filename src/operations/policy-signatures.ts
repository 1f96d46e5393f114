// Who signed a policy version, and whether they are enough. People are counted, not keys and not signatures.
import type { AuditEvent } from "../audit/event.ts";
import { type Envelope, SIGNATURES_MAX, verifyEnvelope } from "../keys/dsse.ts";
import { type Member, memberOf, type Policy } from "../policy/schema.ts";

/** Ids of the unsuspended owners that a policy names, one of whose devices there signed. */
export function ownersWhoSigned(policy: Policy, envelope: Envelope): readonly string[] {
  return [...new Set(policy.owners.members)].filter((id) => {
    const owner = memberOf(policy, id);
    return owner !== undefined && owner.suspended === undefined && isSignedBy(envelope, owner);
  });
}

/** Whether as many of its owners signed as the policy asks for. */
export function isSignedByEnough(policy: Policy, envelope: Envelope): boolean {
  return ownersWhoSigned(policy, envelope).length >= policy.owners.threshold;
}

/** Whether one of a member's devices signed. */
export function isSignedBy(envelope: Envelope, { devices }: Member): boolean {
  return devices.some(({ signs }) => verifyEnvelope(envelope, signs));
}

/**
 * The signatures for the log. Where more than one is needed they stand in the entry itself: what lies in the store could
 * get another signature later, and a version would have taken force for those who read it afterwards and nobody before.
 */
export function signaturesFact(envelope: Envelope): readonly string[] {
  return envelope.signatures.map(({ sig }) => Buffer.from(sig).toString("base64"));
}

/**
 * The object of a policy version with the signatures that count at a log entry: those that the entry names, else its own.
 * Undefined where the entry says it wrongly.
 */
export function asLogged(envelope: Envelope, facts: AuditEvent["facts"]): Envelope | undefined {
  const named = facts?.["signatures"];
  if (named === undefined) return envelope;
  if (!Array.isArray(named) || named.length < 1 || named.length > SIGNATURES_MAX) return undefined;
  const signatures = named.map((text) => (typeof text === "string" ? signatureIn(text) : undefined));
  return signatures.every((sig) => sig !== undefined)
    ? { ...envelope, signatures: signatures.map((sig) => ({ keyid: "", sig })) }
    : undefined;
}

/** Bytes of canonical base64; undefined for other text. */
function signatureIn(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
