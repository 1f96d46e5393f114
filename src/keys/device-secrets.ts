// Small secrets besides the identity, such as the tokens of a login. They are kept as safely as the identity itself.
import { CloisterError } from "../base/errors.ts";
import type { IdentityPlaces } from "./chain.ts";
import type { Identity } from "./identity.ts";
import { readIdentityFile } from "./identity-file.ts";
import { isKeychain, type SecretStore, storageText } from "./secret-store.ts";

/** Secrets by account name, and where they lie in words. */
export interface DeviceSecrets extends Pick<SecretStore, "get" | "set" | "delete"> {
  readonly storage: string;
}

/**
 * In the keychain where the identity is in one that takes them; else in files that are sealed to the identity, also where
 * that itself lies in a plain file: nothing of them is ever written in the clear.
 *
 * @param what names the secrets in errors, e.g. `the login`
 * @param identity unlocks this device, where that is needed
 * @throws {@link CloisterError} NOT_AUTHENTICATED where this device has no identity
 */
export async function deviceSecrets(
  places: Pick<IdentityPlaces, "configDir">,
  what: string,
  identity: () => Promise<Identity>,
): Promise<DeviceSecrets> {
  const record = await readIdentityFile(places.configDir);
  if (!record) {
    throw new CloisterError("NOT_AUTHENTICATED", "this device has no identity yet", {
      next: "cloister init, or cloister join",
    });
  }
  const kind = record.storage;
  // The credential store of Windows takes items of 2,560 bytes at most, which two tokens exceed.
  if (!isKeychain(kind) || process.platform === "win32") {
    const { sealedFiles } = await import("./sealed-file.ts");
    return {
      storage: "a file that only this device's identity opens",
      ...sealedFiles(places.configDir, record.reads, identity),
    };
  }
  const { keychain, probeKeychain } = await import("./keychain.ts");
  const store = keychain(kind);
  const asked = <T>(act: () => Promise<T>): Promise<T> =>
    act().catch(async (error: unknown) => {
      throw (await import("./keychain-refusal.ts")).keychainRefusal(error, kind, what);
    });
  return {
    storage: storageText(kind),
    // "There is none" is also what a locked keychain says through keytar.
    get: (account) =>
      asked(async () => {
        const found = await store.get(account);
        if (found === undefined) await probeKeychain(kind);
        return found;
      }),
    set: (account, secret) => asked(() => store.set(account, secret)),
    delete: (account) =>
      asked(async () => {
        const deleted = await store.delete(account);
        if (!deleted) await probeKeychain(kind);
        return deleted;
      }),
  };
}
