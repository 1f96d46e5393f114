// What a sharer signs: which version goes to whom and until when, with what it takes to check everything else in the file.
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { parseEnvelope, signEnvelope, verifyEnvelope } from "../../keys/dsse.ts";
import { checkReads, checkSigns, type Identity, keyIdOf, publicKeyPem } from "../../keys/identity.ts";
import { verifyBundle } from "../../provenance/bundle.ts";
import type { Manifest } from "../../provenance/manifest.ts";
import { readStatement } from "../../provenance/statement-reader.ts";

const SHARE_TYPE = "application/vnd.cloister.share.v1+json";
export const STATEMENT_BYTES_MAX = 64 * 1024;

export interface ShareStatement {
  /** Id of the project. */
  readonly project: string;
  /** SHA-256 of its first policy. */
  readonly pin: string;
  readonly versionId: string;
  readonly domain: string;
  readonly class: string;
  readonly name: string;
  readonly number: number;
  readonly label: string | undefined;
  readonly files: number;
  readonly bytes: number;
  readonly dirHash: string;
  /** SHA-256 of the manifest bundle. */
  readonly manifest: string;
  readonly pusher: { readonly member: string; readonly signs: string };
  readonly sharer: { readonly member: string; readonly signs: string; readonly reads: string };
  /** `age1…` */
  readonly recipient: string;
  readonly expiresMs: number;
  /** Policy version that allowed it, and the operation and log entry of its intent. */
  readonly policy: number;
  readonly operation: string;
  readonly intent: number;
}

/** The signed statement. */
export function signStatement(statement: ShareStatement, identity: Identity): Promise<Uint8Array> {
  return signEnvelope(SHARE_TYPE, canonicalBytes({ v: 1, ...statement }), identity);
}

/**
 * A statement that is signed by the key which it names. Whether that is the key of somebody one trusts, it does not say.
 * @throws CloisterError INTEGRITY
 */
export function readShare(bytes: Uint8Array): ShareStatement {
  const what = "share statement";
  const envelope = parseEnvelope(bytes, SHARE_TYPE, what, STATEMENT_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, STATEMENT_BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`, { next: "upgrade cloister" });
  const person = (key: string) => new Person(fields.fields(key));
  const pusher = person("pusher").end();
  const sharer = person("sharer").reading();
  const statement: ShareStatement = {
    ...{ project: fields.string("project", ID), pin: fields.string("pin", SHA256) },
    ...{ versionId: fields.string("versionId", SHA256), domain: fields.string("domain", NAME) },
    ...{ class: fields.string("class", NAME), name: fields.string("name", NAME), number: fields.integer("number", 1) },
    label: fields.has("label") ? fields.string("label", NAME) : undefined,
    ...{ files: fields.integer("files", 1), bytes: fields.integer("bytes"), dirHash: fields.string("dirHash", SHA256) },
    ...{ manifest: fields.string("manifest", SHA256), pusher, sharer },
    ...{ recipient: fields.string("recipient"), expiresMs: fields.instant("expiresMs") },
    ...{ policy: fields.integer("policy", 1), operation: fields.string("operation", ID) },
    intent: fields.integer("intent"),
  };
  fields.end();
  if (!verifyEnvelope(envelope, sharer.signs)) throw integrity("the share's signature is not its sharer's");
  if (!checkReads(sharer.reads) || !checkReads(statement.recipient)) throw integrity(`malformed ${what}`);
  return statement;
}

class Person {
  readonly #fields: Fields;
  readonly #member: string;
  readonly #signs: string;

  constructor(fields: Fields) {
    this.#fields = fields;
    this.#member = fields.string("member", NAME);
    this.#signs = fields.string("signs");
    if (!checkSigns(this.#signs)) throw integrity("malformed share statement", { why: "it names no signing key" });
  }

  end(): ShareStatement["pusher"] {
    this.#fields.end();
    return { member: this.#member, signs: this.#signs };
  }

  reading(): ShareStatement["sharer"] {
    const reads = this.#fields.string("reads");
    return { ...this.end(), reads };
  }
}

/** The manifest, which is signed by the pusher and says the same of the version as the statement. @throws INTEGRITY */
export function manifestIn(statement: ShareStatement, bundle: Uint8Array): Manifest {
  const { pusher } = statement;
  const manifest = readStatement(verifyBundle(bundle, publicKeyPem(pusher.signs)));
  const same =
    manifest.project.id === statement.project &&
    manifest.domain === statement.domain &&
    manifest.class === statement.class &&
    manifest.name === statement.name &&
    manifest.number === statement.number &&
    manifest.label === statement.label &&
    manifest.dirHash === statement.dirHash &&
    manifest.fileCount === statement.files &&
    manifest.bytes === statement.bytes;
  if (!same) throw integrity("the share's manifest is that of another version");
  return manifest;
}

/** Key id of the sharer, as the log has it. */
export function sharerKey({ sharer }: ShareStatement): string {
  return keyIdOf(sharer.signs);
}
