// The identity of this device: made once, unlocked when it is needed, forgotten on request.
import { CloisterError, integrity } from "../base/errors.ts";
import type { IdentityPlaces } from "./chain.ts";
import { deviceIdOf, fingerprint, generateIdentity, type Identity, type PublicIdentity } from "./identity.ts";
import { documentOf, identityIn } from "./identity-document.ts";
import { createIdentityFile, type IdentityRecord, identityFile, readIdentityFile } from "./identity-file.ts";
import type { Kms } from "./kms.ts";
import { newKmsIdentity } from "./kms-identity.ts";
import { isKeychain, type KeychainKind, type SecretStore, storageText } from "./secret-store.ts";
import { forgetUnlocked, recallUnlocked, rememberUnlocked } from "./unlock-cache.ts";

export type { IdentityPlaces } from "./chain.ts";
export { checkStorage, describeStorage } from "./storage-report.ts";

/** Who this device is, without unlocking. */
export interface KnownIdentity extends PublicIdentity {
  /** Where it is kept, in words: "the macOS keychain". */
  readonly storage: string;
  /** ARN of the KMS key that it signs with; undefined where the signing half is kept with the rest. */
  readonly signing: string | undefined;
  readonly fingerprint: string;
}

/** An unlocked identity, where it is kept (in words), and what a person should know about that. */
export type UnlockedIdentity = Identity & { readonly storage: string; readonly warnings: readonly string[] };

/**
 * The public halves of this device's identity, or undefined where it has none.
 *
 * @throws {@link CloisterError} INTEGRITY where `identity.json` is malformed; FAILURE where others could change it
 */
export async function readPublicIdentity(
  places: Pick<IdentityPlaces, "configDir">,
): Promise<KnownIdentity | undefined> {
  const record = await readIdentityFile(places.configDir);
  if (!record) return undefined;
  const { signs, reads, storage, signing } = record;
  return { signs, reads, signing, storage: storageText(storage), fingerprint: fingerprint(record) };
}

/**
 * Makes the identity of this device and keeps it in the first storage that works (see `chooseStorage`). Where a signing
 * key in KMS is named, only the reading half is made and kept here.
 *
 * @throws {@link CloisterError} FAILURE where there is one already; UNSUPPORTED_HOST where no storage is safe; USAGE
 * where the passphrase file is unfit
 */
export async function createIdentity(places: IdentityPlaces): Promise<UnlockedIdentity> {
  if (await readIdentityFile(places.configDir)) throw exists(places);
  const { chooseStorage, noStorage, openStorage } = await import("./chain.ts");
  const choice = await chooseStorage(places);
  if (!choice.kind) throw noStorage(choice);
  const { signingKey: signing } = places;
  const identity = await (signing === undefined ? generateIdentity() : identityFor(signing, places.kms));
  const warnings: string[] = [];
  const store = openStorage(choice.kind, places, (text) => warnings.push(text));
  const account = accountOf(identity);
  await answering(store, () => store.set(account, documentOf(identity)));
  // The secret first: a crash between the two leaves an item that nothing names, never a name without its secret.
  const { signs, reads } = identity;
  const record = { signs, reads, storage: choice.kind, ...(signing === undefined ? {} : { signing }) };
  if (!(await createIdentityFile(places.configDir, record))) {
    await store.delete(account);
    throw exists(places);
  }
  if (choice.kind !== "plain-file") rememberUnlocked(places.configDir, identity, places.now());
  return Object.assign(identity, { storage: storageText(choice.kind), warnings });
}

async function identityFor(signing: string, kms: Kms | undefined): Promise<Identity> {
  if (kms) return newKmsIdentity(kms, signing);
  throw new CloisterError("UNSUPPORTED_HOST", "AWS KMS is not at hand here");
}

/**
 * The identity of this device with its secrets: from the kernel keyring where it was unlocked in the last 15 minutes,
 * else from its storage.
 *
 * @throws {@link CloisterError} NOT_AUTHENTICATED where there is none, the passphrase is wrong or cannot be had, or the
 * keychain does not give it; INTEGRITY where the secret does not belong to the public halves
 */
export async function unlockIdentity(places: IdentityPlaces): Promise<UnlockedIdentity> {
  const record = await readIdentityFile(places.configDir);
  if (!record) {
    throw new CloisterError("NOT_AUTHENTICATED", "this device has no identity yet", {
      next: "cloister init, or cloister join",
    });
  }
  if (places.signingKey !== undefined && places.signingKey !== record.signing) throw exists(places);
  const { storage } = record;
  const recalled = storage === "plain-file" ? undefined : recallUnlocked(places.configDir, places.now(), places.kms);
  const warnings: string[] = [];
  if (recalled && belongs(recalled, record)) {
    return Object.assign(recalled, { storage: storageText(storage), warnings });
  }
  const { openStorage } = await import("./chain.ts");
  const store = openStorage(storage, places, (text) => warnings.push(text));
  const identity = await readSecret(record, store, places);
  if (storage !== "plain-file") rememberUnlocked(places.configDir, identity, places.now());
  return Object.assign(identity, { storage: storageText(storage), warnings });
}

/** Whether the next {@link unlockIdentity} needs neither passphrase nor keychain. */
export async function isUnlocked(places: IdentityPlaces): Promise<boolean> {
  const record = await readIdentityFile(places.configDir);
  if (!record) return false;
  if (record.storage === "plain-file") return true;
  const recalled = recallUnlocked(places.configDir, places.now(), places.kms);
  return recalled !== undefined && belongs(recalled, record);
}

/** Forgets an unlocked identity before its 15 minutes are over. */
export async function lockIdentity(places: Pick<IdentityPlaces, "configDir">): Promise<{ forgotten: boolean }> {
  return { forgotten: forgetUnlocked(places.configDir) };
}

async function readSecret(record: IdentityRecord, store: SecretStore, places: IdentityPlaces): Promise<Identity> {
  const document = await answering(store, () => store.get(accountOf(record)));
  if (document === undefined) {
    // A locked keychain says through keytar that there is no such item: that must not be taken for a loss.
    const { kind } = store;
    if (isKeychain(kind)) await answering(store, () => probe(kind));
    throw new CloisterError("NOT_AUTHENTICATED", "the identity of this device is gone", {
      why: `${identityFile(places.configDir)} names it, but ${storageText(record.storage)} does not hold it`,
      next: `move ${identityFile(places.configDir)} away and run cloister join to become a member with a new identity`,
    });
  }
  const identity = identityIn(document, places.kms);
  if (!belongs(identity, record)) {
    throw integrity(`${identityFile(places.configDir)} does not belong to the identity that is kept`, {
      why: "its public halves differ from the secret's: one of the two was exchanged",
      next: "do not sign anything; restore the file, or make a new identity and join again",
    });
  }
  return identity;
}

function belongs(identity: Identity, record: IdentityRecord): boolean {
  return identity.signs === record.signs && identity.reads === record.reads;
}

/** Items of several identities, in several config folders, stand side by side in one keychain. */
function accountOf(id: PublicIdentity): string {
  return `identity-${deviceIdOf(id.reads)}`;
}

/** Errors that the keychain itself words become ours. */
async function answering<T>({ kind }: SecretStore, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof CloisterError || !isKeychain(kind)) throw error;
    throw (await import("./keychain-refusal.ts")).keychainRefusal(error, kind, "the identity of this device");
  }
}

async function probe(kind: KeychainKind): Promise<void> {
  await (await import("./keychain.ts")).probeKeychain(kind);
}

function exists(places: IdentityPlaces): CloisterError {
  return new CloisterError("FAILURE", "this device has an identity already", {
    why: `it is named in ${identityFile(places.configDir)}`,
    next: "cloister whoami",
  });
}
