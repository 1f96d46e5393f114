// A small secret in an age file that only this device's identity opens; `age -d` with its key does, too.
import { join } from "node:path";
import { CloisterError } from "../base/errors.ts";
import { decryptWith, encryptTo } from "./age.ts";
import type { Identity } from "./identity.ts";
import { readPrivateFile, removeFile, writePrivateFile } from "./private-file.ts";

const BYTES_MAX = 64 * 1024;

/**
 * Secrets as `<folder>/<account>.age`, mode 0600 in a folder of mode 0700.
 *
 * @param reads recipient of this device, all that a write needs
 * @param identity unlocks this device for a read
 */
export function sealedFiles(folder: string, reads: string, identity: () => Promise<Identity>) {
  const file = (account: string) => join(folder, `${account}.age`);
  return {
    async get(account: string): Promise<string | undefined> {
      const sealed = await readPrivateFile(file(account), BYTES_MAX);
      if (!sealed) return undefined;
      const plain = await decryptWith((await identity()).ageSecret, sealed, file(account));
      if (plain) return Buffer.from(plain).toString("utf8");
      throw new CloisterError("NOT_AUTHENTICATED", `${file(account)} is not for this device`, {
        why: "another identity sealed it",
        next: `remove ${file(account)} and run the command again`,
      });
    },
    async set(account: string, secret: string): Promise<void> {
      const sealed = await encryptTo([reads], Buffer.from(secret, "utf8"));
      await writePrivateFile(file(account), sealed);
    },
    delete: (account: string) => removeFile(file(account)),
  };
}
