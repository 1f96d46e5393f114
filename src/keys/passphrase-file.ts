// The identity in an age file under a passphrase; `age -d` opens it, too.
import { join } from "node:path";
import { CloisterError } from "../base/errors.ts";
import { decryptWithPassphrase, encryptWithPassphrase } from "./age.ts";
import { readPrivateFile, removeFile, writePrivateFile } from "./private-file.ts";
import type { SecretStore } from "./secret-store.ts";

const BYTES_MAX = 16 * 1024;

/**
 * Secrets as `<folder>/<account>.age`, mode 0600 in a folder of mode 0700.
 *
 * @param passphrase is asked once per read or write
 */
export function passphraseFileStore(
  folder: string,
  passphrase: (purpose: "new" | "unlock") => Promise<string>,
): SecretStore {
  const file = (account: string) => join(folder, `${account}.age`);
  return {
    kind: "passphrase-file",
    async get(account) {
      const sealed = await readPrivateFile(file(account), BYTES_MAX);
      if (!sealed) return undefined;
      const plain = await decryptWithPassphrase(await passphrase("unlock"), sealed, file(account));
      if (!plain)
        throw new CloisterError("NOT_AUTHENTICATED", "wrong passphrase", { next: "run the same command again" });
      return Buffer.from(plain).toString("utf8");
    },
    async set(account, secret) {
      const sealed = await encryptWithPassphrase(await passphrase("new"), Buffer.from(secret, "utf8"));
      await writePrivateFile(file(account), sealed);
    },
    delete: (account) => removeFile(file(account)),
  };
}
