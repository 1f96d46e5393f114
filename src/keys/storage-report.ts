// Where identities are kept, in words: for the plan of `init`, and for `doctor`.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { CloisterError, explained, systemCode } from "../base/errors.ts";
import type { IdentityPlaces } from "./chain.ts";
import { type IdentityRecord, readIdentityFile } from "./identity-file.ts";
import { keychainRefusal } from "./keychain-refusal.ts";
import { exposure } from "./private-file.ts";
import { isKeychain, type KeychainKind, storageText } from "./secret-store.ts";

/** One line of a diagnosis. */
export interface StorageCheck {
  readonly name: string;
  readonly state: "good" | "bad" | "unknown";
  readonly text: string;
  readonly next: string | undefined;
}

/** Where a new identity would be kept, in words. Asks each keychain, at most 3 s each; leaves nothing behind. */
export async function describeStorage(places: IdentityPlaces): Promise<string> {
  const { chooseStorage } = await import("./chain.ts");
  const { kind } = await chooseStorage(places);
  return kind ? storageText(kind) : NOWHERE;
}

const NOWHERE = "no safe place: give --passphrase-file FILE, or --insecure-storage";

/** For `doctor`: the identity's storage, and who else could read it. Never throws for what it finds. */
export async function checkStorage(places: IdentityPlaces): Promise<readonly StorageCheck[]> {
  const permissions = await checkPermissions(places.configDir);
  try {
    const record = await readIdentityFile(places.configDir);
    return [record ? await kept(record) : await wouldBeKept(places), ...permissions];
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    const text = explained(error);
    return [{ name: "identity", state: "bad", text, next: error.next }, ...permissions];
  }
}

async function kept(record: IdentityRecord): Promise<StorageCheck> {
  const { storage, signing } = record;
  const half = signing === undefined ? "" : ` (what signs is in AWS KMS: ${signing})`;
  const text = `your identity is kept in ${storageText(storage)}${half}`;
  if (isKeychain(storage)) return keptInKeychain(storage, text);
  if (storage === "passphrase-file") return { name: "identity", state: "good", text, next: undefined };
  const risk = `whoever copies it can read ${signing === undefined ? "and sign " : ""}as you`;
  const next = "where there is a keychain: move the config folder away, run cloister join, have the old one suspended";
  return { name: "identity", state: "bad", text: `${text}: ${risk}`, next };
}

/** Says which package speaks for the keychain, and whether it still does: the other one would not see the identity. */
async function keptInKeychain(storage: KeychainKind, text: string): Promise<StorageCheck> {
  const { PACKAGE, probeKeychain } = await import("./keychain.ts");
  const through = `${text}, through ${PACKAGE[storage]}`;
  try {
    await probeKeychain(storage);
  } catch (error) {
    const refusal = keychainRefusal(error, storage, "your identity");
    return { name: "identity", state: "bad", text: `${through}: ${explained(refusal)}`, next: refusal.next };
  }
  const others = storage === "keytar" ? [] : await passedOver("keytar");
  return { name: "identity", state: "good", text: [through, ...others].join("; "), next: undefined };
}

/** Why a package that comes first in the order is not the one in use. */
async function passedOver(kind: KeychainKind): Promise<readonly string[]> {
  const { PACKAGE, probeKeychain } = await import("./keychain.ts");
  try {
    await probeKeychain(kind);
    return [`${PACKAGE[kind]} works now, but did not when the identity was made`];
  } catch (error) {
    return [`${PACKAGE[kind]} was passed over: ${error instanceof Error ? error.message : String(error)}`];
  }
}

async function wouldBeKept(places: IdentityPlaces): Promise<StorageCheck> {
  const { chooseStorage } = await import("./chain.ts");
  const { PACKAGE } = await import("./keychain.ts");
  const { kind, passedOver } = await chooseStorage(places);
  const reasons = passedOver.length > 0 ? ` (${passedOver.join("; ")})` : "";
  const through = kind && isKeychain(kind) ? `, through ${PACKAGE[kind]}` : "";
  const where = kind ? `${storageText(kind)}${through}` : NOWHERE;
  const text = `this device has no identity yet; it would be kept in ${where}${reasons}`;
  return { name: "identity", state: kind ? "unknown" : "bad", text, next: "cloister init, or cloister join" };
}

async function checkPermissions(configDir: string): Promise<readonly StorageCheck[]> {
  const names = await readdir(configDir).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (!names) return [];
  const ours = names.filter((name) => name.startsWith("identity"));
  const paths = [configDir, ...ours.map((name) => join(configDir, name))];
  const found = await Promise.all(paths.map((path) => exposure(path)));
  const bad = found.filter((problem) => problem !== undefined);
  if (bad.length === 0) {
    const text = `${configDir} is closed to other users`;
    return [{ name: "permissions", state: "good", text, next: undefined }];
  }
  return bad.map(({ text, next }) => ({ name: "permissions", state: "bad", text, next }));
}
