// Chooses where a new identity is kept, and opens the place where one is.
import { CloisterError } from "../base/errors.ts";
import { keychain, probeKeychain } from "./keychain.ts";
import type { Kms } from "./kms.ts";
import { checkPassphrase, readPassphraseFile, weakness } from "./passphrase.ts";
import { passphraseFileStore } from "./passphrase-file.ts";
import { plainFileStore } from "./plain-file.ts";
import type { SecretStore, StorageKind } from "./secret-store.ts";

/** What the process hands in. */
export interface IdentityPlaces {
  /** The config folder of Cloister, e.g. `~/.config/cloister`. */
  readonly configDir: string;
  /** File that holds the passphrase; chooses the passphrase file for a new identity. */
  readonly passphraseFile?: string | undefined;
  /** Chooses a plain file for a new identity. */
  readonly insecureStorage?: boolean | undefined;
  /** ARN of the KMS key that is to be the signing half of a new identity. */
  readonly signingKey?: string | undefined;
  /** Signs for identities whose signing half is in KMS; absent where there are none. */
  readonly kms?: Kms | undefined;
  /** Asks a person; absent where no one can be asked. */
  readonly askPassphrase?: ((purpose: "new" | "unlock") => Promise<string>) | undefined;
  /** Wall clock, ms since 1970. */
  readonly now: () => number;
}

/** The storage for a new identity, or none, and why those before it in the order were passed over. */
export interface Choice {
  readonly kind: StorageKind | undefined;
  readonly passedOver: readonly string[];
}

/**
 * Order: what was asked for explicitly; else keytar, `@napi-rs/keyring` (both proved by writing, reading and deleting an
 * item within 3 s); else a passphrase file where a person can be asked; else none.
 */
export async function chooseStorage(places: IdentityPlaces): Promise<Choice> {
  if (places.passphraseFile !== undefined) return { kind: "passphrase-file", passedOver: [] };
  if (places.insecureStorage) return { kind: "plain-file", passedOver: [] };
  const passedOver: string[] = [];
  for (const kind of ["keytar", "keyring"] as const) {
    try {
      await probeKeychain(kind);
      return { kind, passedOver };
    } catch (error) {
      passedOver.push(`${kind}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { kind: places.askPassphrase ? "passphrase-file" : undefined, passedOver };
}

/** The refusal where {@link chooseStorage} found nothing. */
export function noStorage(choice: Choice): CloisterError {
  return new CloisterError("UNSUPPORTED_HOST", "no safe place for the identity of this device", {
    why: `no keychain answers (${choice.passedOver.join("; ")}) and no one can be asked for a passphrase`,
    next: "give --passphrase-file FILE, or accept a plain file with --insecure-storage",
  });
}

/** Opens a storage. `warn` is told what a person should know about the passphrase. */
export function openStorage(kind: StorageKind, places: IdentityPlaces, warn: (text: string) => void): SecretStore {
  if (kind === "plain-file") return plainFileStore(places.configDir);
  if (kind === "passphrase-file") {
    return passphraseFileStore(places.configDir, (purpose) => passphrase(purpose, places, warn));
  }
  return keychain(kind);
}

async function passphrase(
  purpose: "new" | "unlock",
  places: IdentityPlaces,
  warn: (text: string) => void,
): Promise<string> {
  if (places.passphraseFile !== undefined) {
    const { text, warnings } = await readPassphraseFile(places.passphraseFile);
    warnings.forEach(warn);
    return text;
  }
  if (!places.askPassphrase) {
    throw new CloisterError("NOT_AUTHENTICATED", "the identity of this device is locked", {
      why: "it is under a passphrase, and no one can be asked for it here",
      next: "run it in a terminal, or give --passphrase-file FILE",
    });
  }
  const text = checkPassphrase(await places.askPassphrase(purpose), "given");
  if (purpose === "new") weakness(text).forEach(warn);
  return text;
}
