// The identity in a file that is not encrypted: only where a person asked for it with --insecure-storage.
import { join } from "node:path";
import { readPrivateFile, removeFile, writePrivateFile } from "./private-file.ts";
import type { SecretStore } from "./secret-store.ts";

const BYTES_MAX = 16 * 1024;

/** Secrets as `<folder>/<account>.secret`, mode 0600 in a folder of mode 0700. */
export function plainFileStore(folder: string): SecretStore {
  const file = (account: string) => join(folder, `${account}.secret`);
  return {
    kind: "plain-file",
    get: async (account) => (await readPrivateFile(file(account), BYTES_MAX))?.toString("utf8"),
    set: (account, secret) => writePrivateFile(file(account), Buffer.from(secret, "utf8")),
    delete: (account) => removeFile(file(account)),
  };
}
