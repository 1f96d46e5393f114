// identity.json: the public halves and the kind of storage, readable without unlocking anything.
import { join } from "node:path";
import { integrity } from "../base/errors.ts";
import { canonicalJson, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import { checkReads, checkSigns, type PublicIdentity } from "./identity.ts";
import { isKmsKey } from "./kms.ts";
import { createPrivateFile, readPrivateFile } from "./private-file.ts";
import type { StorageKind } from "./secret-store.ts";

const NAME = "identity.json";
const BYTES_MAX = 4096;

/** What `identity.json` says. */
export interface IdentityRecord extends PublicIdentity {
  /** Where the secret document is kept. */
  readonly storage: StorageKind;
  /** ARN of the KMS key that is the signing half; undefined where it stands in the secret document. */
  readonly signing?: string | undefined;
}

/** Path of the file in a config folder. */
export function identityFile(configDir: string): string {
  return join(configDir, NAME);
}

/** @throws {@link CloisterError} INTEGRITY where it is malformed; FAILURE where other users could change it */
export async function readIdentityFile(configDir: string): Promise<IdentityRecord | undefined> {
  const file = identityFile(configDir);
  const bytes = await readPrivateFile(file, BYTES_MAX);
  if (!bytes) return undefined;
  const line = bytes.at(-1) === 0x0a ? bytes.subarray(0, -1) : bytes;
  const fields = new Fields(parseCanonical(line, file, BYTES_MAX), file);
  fields.string("cloister", /^identity-file@1$/);
  const signs = fields.string("signs");
  const reads = fields.string("reads");
  const storage = fields.string("storage", /^(keytar|keyring|passphrase-file|plain-file)$/) as StorageKind;
  const signing = fields.has("signing") ? fields.string("signing") : undefined;
  fields.end();
  if (signing !== undefined && !isKmsKey(signing))
    throw integrity(`malformed ${file}`, { why: "signing is no key ARN" });
  if (!checkSigns(signs) || !checkReads(reads)) throw integrity(`malformed ${file}`, { why: "its keys are no keys" });
  return { signs, reads, storage, ...(signing === undefined ? {} : { signing }) };
}

/** Writes the file unless there is one; false where there is. */
export async function createIdentityFile(configDir: string, record: IdentityRecord): Promise<boolean> {
  const { signs, reads, storage, signing } = record;
  const named = signing === undefined ? {} : { signing };
  const text = canonicalJson({ cloister: "identity-file@1", signs, reads, storage, ...named });
  return createPrivateFile(identityFile(configDir), Buffer.from(`${text}\n`, "utf8"));
}
