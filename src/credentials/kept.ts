// Issued credentials are kept where the operating system guards secrets, and nowhere else: never in a file.
import { resolve } from "node:path";
import { sha256Hex } from "../base/digest.ts";
import { credentialKeyring } from "../keys/kernel-keyring.ts";
import type { Credential } from "./provider.ts";

/** A credential with what it was issued for. */
export interface Issued {
  readonly v: 1;
  readonly credential: Credential;
  /** Id of the logged operation: a token's `jti`, part of an AWS session's name. */
  readonly id: string;
  readonly member: string;
  readonly role: string;
  /** `domain/class` of the data it is good for. */
  readonly places: readonly string[];
  readonly purpose: string | undefined;
  readonly audience: string | undefined;
  readonly readOnly: boolean;
  /** Ms since 1970. */
  readonly issuedAtMs: number;
  /** The policy that it was decided by. */
  readonly policyVersion: number;
  readonly policyDigest: string;
  /** How much this device had verified of the log before: see `policyChangedSince`. */
  readonly mark: number;
  /** Undefined for this device's own session with the store, which opens the log. */
  readonly logEntry: number | undefined;
}

/** Where a credential is kept. */
export type Keeping = "kernel keyring" | "keychain";

export interface Found {
  readonly issued: Issued;
  readonly kept: Keeping;
}

/** Longer ones fit into no keyring; AWS's are about 2 KB. */
const KEPT_CHARS_MAX = 16 * 1024;

/** One entry for each config folder, user and request. */
function accountOf(configDir: string, key: string): string {
  return sha256Hex(String(process.getuid?.() ?? -1), "\0", resolve(configDir), "\0", key).slice(0, 32);
}

/** The credential kept under a key, whether or not it is still good, and where; undefined where there is none. */
export async function recall(configDir: string, key: string): Promise<Found | undefined> {
  const account = accountOf(configDir, key);
  const inKernel = parse(credentialKeyring.get(account));
  if (inKernel) return { issued: inKernel, kept: "kernel keyring" };
  const inKeychain = parse(await attempt(configDir, (chain) => chain.get(account)));
  return inKeychain && { issued: inKeychain, kept: "keychain" };
}

/** Keeps a credential under a key; undefined where neither the kernel's keyring nor the keychain takes it. */
export async function keep(configDir: string, key: string, issued: Issued): Promise<Keeping | undefined> {
  const account = accountOf(configDir, key);
  const text = JSON.stringify(issued);
  if (text.length > KEPT_CHARS_MAX) return undefined;
  if (credentialKeyring.set(account, text)) return "kernel keyring";
  const kept = await attempt(configDir, async (chain) => {
    await chain.set(account, text);
    return true;
  });
  return kept ? "keychain" : undefined;
}

/** Forgets; false where there was nothing. */
export async function forget(configDir: string, key: string): Promise<boolean> {
  const account = accountOf(configDir, key);
  const fromKernel = credentialKeyring.delete(account);
  const fromKeychain = await attempt(configDir, (chain) => chain.delete(account));
  return fromKernel || fromKeychain === true;
}

/** The keychain, where the identity of this device is kept in one; it is the one that was proved to work. */
async function attempt<T>(
  configDir: string,
  act: (chain: import("../keys/secret-store.ts").SecretStore) => Promise<T>,
): Promise<T | undefined> {
  const { readIdentityFile } = await import("../keys/identity-file.ts");
  const storage = (await readIdentityFile(configDir))?.storage;
  if (storage !== "keytar" && storage !== "keyring") return undefined;
  const { keychain } = await import("../keys/keychain.ts");
  // Locked or silent is as good as absent: a credential can be issued again.
  return act(keychain(storage)).catch(() => undefined);
}

function parse(text: string | undefined): Issued | undefined {
  if (text === undefined) return undefined;
  try {
    const issued = JSON.parse(text) as Issued;
    const whole = issued.v === 1 && typeof issued.id === "string" && Array.isArray(issued.places);
    return whole && Number.isFinite(issued.credential.expiresAtMs) && Number.isFinite(issued.mark) ? issued : undefined;
  } catch {
    return undefined;
  }
}
