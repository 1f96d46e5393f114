// An unlocked identity, kept in the kernel keyring for 15 minutes so that nobody waits for scrypt at every command.
import { resolve } from "node:path";
import { sha256Hex } from "../base/digest.ts";
import type { Identity } from "./identity.ts";
import { documentOf, identityIn } from "./identity-document.ts";
import { kernelKeyring } from "./kernel-keyring.ts";
import type { Kms } from "./kms.ts";

const KEPT_MS = 15 * 60_000;

/** One entry for each config folder and user: several homes on one machine do not meet. */
function accountOf(configDir: string): string {
  return sha256Hex(String(process.getuid?.() ?? -1), "\0", resolve(configDir)).slice(0, 32);
}

/** The identity, where it was unlocked at most 15 minutes ago; an entry past its time is deleted. */
export function recallUnlocked(configDir: string, now: number, kms: Kms | undefined): Identity | undefined {
  const account = accountOf(configDir);
  const kept = kernelKeyring.get(account);
  if (kept === undefined) return undefined;
  const identity = parseKept(kept, now, kms);
  if (!identity) kernelKeyring.delete(account);
  return identity;
}

/** Keeps an identity until 15 minutes from now; false where the kernel keyring does not work. */
export function rememberUnlocked(configDir: string, identity: Identity, now: number): boolean {
  return kernelKeyring.set(accountOf(configDir), `${String(now + KEPT_MS)} ${documentOf(identity)}`);
}

/** Forgets; false where there was nothing. */
export function forgetUnlocked(configDir: string): boolean {
  return kernelKeyring.delete(accountOf(configDir));
}

function parseKept(kept: string, now: number, kms: Kms | undefined): Identity | undefined {
  const space = kept.indexOf(" ");
  const until = Number(kept.slice(0, space));
  // Also where the clock was set back: an entry never has more than its full time left.
  if (!(until > now && until <= now + KEPT_MS)) return undefined;
  try {
    return identityIn(kept.slice(space + 1), kms);
  } catch {
    return undefined;
  }
}
