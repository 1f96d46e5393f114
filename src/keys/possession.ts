// Proof that somebody holds an age key, to a holder of another: age files cannot give it, since they do not say who made
// them. What both keys have in common authenticates a message, as in the Auth mode of HPKE (RFC 9180, section 5.1.3).
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { commonSecret, recipientOf } from "./age-key.ts";

const INFO = "cloister possession v1";

/**
 * A tag (64 hex digits) over the message that takes the secret of one of the two keys to make. Whoever checks could have
 * made it: it convinces them and nobody else.
 */
export function provePossession(ageSecret: string, verifier: string, message: string): string {
  return tag(commonSecret(ageSecret, verifier), recipientOf(ageSecret), verifier, message).toString("hex");
}

/** Whether the holder of `prover` made the tag over this message for this device. */
export function checkPossession(ageSecret: string, prover: string, message: string, proof: string): boolean {
  const expected = tag(commonSecret(ageSecret, prover), prover, recipientOf(ageSecret), message);
  const given = Buffer.from(proof, "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function tag(secret: Buffer, prover: string, verifier: string, message: string): Buffer {
  const key = hkdfSync("sha256", secret, Buffer.alloc(0), `${INFO}\0${prover}\0${verifier}`, 32);
  return createHmac("sha256", Buffer.from(key)).update(message).digest();
}
