/** Where an identity is kept; recorded in `identity.json`. */
export type StorageKind = "keytar" | "keyring" | "passphrase-file" | "plain-file";

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
