// The sealed part of log entries, for those who hold the audit key.
import { isIntegrity } from "../base/errors.ts";
import { parseCanonical } from "../base/json.ts";
import { decryptWith } from "../keys/age.ts";
import { AUDIT_PLACE } from "./class-keys.ts";
import type { Session } from "./session.ts";

const SEALED_BYTES_MAX = 32 * 1024;

/** The private halves of the audit key that this member was given, newest first. */
export async function auditSecrets(session: Session): Promise<readonly string[]> {
  const secrets: string[] = [];
  const newest = await session.keys.newest(AUDIT_PLACE);
  for (let epoch = newest.epoch; epoch >= 1; epoch--) {
    if (!session.ledger.epochs.has(`${AUDIT_PLACE.domain}/${AUDIT_PLACE.class}/${String(epoch)}`)) continue;
    const secret = await session.keys.secret(AUDIT_PLACE, epoch);
    if (secret !== undefined) secrets.push(secret);
  }
  return secrets;
}

/** The sealed part; undefined where there is none or no key fits. A member who sealed junk has hidden only their own words. */
export async function unseal(
  sealed: string | undefined,
  secrets: readonly string[],
): Promise<Record<string, string> | undefined> {
  if (sealed === undefined) return undefined;
  for (const secret of secrets) {
    try {
      const plain = await decryptWith(secret, Buffer.from(sealed, "base64"), "log entry");
      if (!plain) continue;
      const value = parseCanonical(plain, "sealed part of a log entry", SEALED_BYTES_MAX);
      if (value === null || typeof value !== "object" || Array.isArray(value)) return undefined;
      return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
    } catch (error) {
      if (!isIntegrity(error)) throw error;
    }
  }
  return undefined;
}
