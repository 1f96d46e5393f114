/** The packages that speak for the keychain of the system: `keytar`, and `@napi-rs/keyring`. */
export type KeychainKind = "keytar" | "keyring";

/** Where an identity is kept; recorded in `identity.json`. */
export type StorageKind = KeychainKind | "passphrase-file" | "plain-file";

/** Whether a kind of storage is the keychain, whichever package speaks for it. */
export function isKeychain(kind: StorageKind): kind is KeychainKind {
  return kind === "keytar" || kind === "keyring";
}

/** A place for small secrets by account name. The drivers stand beside this file; `chain.ts` chooses. */
export interface SecretStore {
  readonly kind: StorageKind;
  /** The secret, or undefined where there is none. */
  get(account: string): Promise<string | undefined>;
  /** Writes or replaces. When it returns, the secret survives power loss as far as the place can promise that. */
  set(account: string, secret: string): Promise<void>;
  /** Removes; false where there was none. */
  delete(account: string): Promise<boolean>;
}

/** What people read for a kind of storage: completes "your identity is kept in …". */
export function storageText(kind: StorageKind): string {
  if (kind === "passphrase-file") return "a file encrypted with your passphrase";
  if (kind === "plain-file") return "a plain file that is NOT encrypted";
  if (process.platform === "darwin") return "the macOS keychain";
  return process.platform === "win32" ? "the Windows credential store" : "the desktop keyring (Secret Service)";
}
