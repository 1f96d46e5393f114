// The keys of classes: which recipient to encrypt to, and which private halves this member was given.
import { createHmac, hkdfSync } from "node:crypto";
import { sha256Hex } from "../base/digest.ts";
import { CloisterError, integrity } from "../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import {
  type ClassEpoch,
  isUnderKms,
  type KmsEpoch,
  nameKeyOf,
  openPrivateHalf,
  unsealPrivateHalf,
} from "../keys/class-key.ts";
import type { KeyContext, NewKey } from "../keys/data-key.ts";
import { parseEnvelope, signEnvelope } from "../keys/dsse.ts";
import { deviceIdOf, type Identity } from "../keys/identity.ts";
import { KeyService } from "../keys/key-service.ts";
import { isKmsKey, type Kms, KmsRefused } from "../keys/kms.ts";
import type { Store } from "../store/store.ts";
import type { Ledger } from "./ledger.ts";

const EPOCH_TYPE = "application/vnd.cloister.epoch.v1+json";
const EPOCH_BYTES_MAX = 8 * 1024;
const KEY_FILE_BYTES_MAX = 8 * 1024;

/** The audit key of a project stands where a class key would: under this domain and class. */
export const AUDIT_PLACE = { domain: "_project", class: "_audit" } as const;
/** The name key of a domain stands under this class, in its first logged epoch: it is never rotated. */
export const NAMES_CLASS = "_names";

export function epochKey(place: { domain: string; class: string }, epoch: number): string {
  return `${place.domain}/${place.class}/${String(epoch)}`;
}

export function epochName(key: string): string {
  return `epochs/${key}`;
}

export function keyFileName(key: string, reads: string): string {
  return `keys/${key}/${deviceIdOf(reads)}`;
}

/** The private half of a class under KMS: one object, whoever reads. Device ids are 32 hex digits and never this. */
export function kmsFileName(key: string): string {
  return `keys/${key}/kms`;
}

/** `kms` stands in the record only where there is one: records without it stay what they always were. */
export function encodeEpoch(record: ClassEpoch, identity: Identity): Promise<Uint8Array> {
  return signEnvelope(EPOCH_TYPE, canonicalBytes({ v: 1, ...record }), identity);
}

function decodeEpoch(bytes: Uint8Array): ClassEpoch {
  const what = "key epoch record";
  const fields = new Fields(
    parseCanonical(parseEnvelope(bytes, EPOCH_TYPE, what, EPOCH_BYTES_MAX).payload, what, EPOCH_BYTES_MAX),
    what,
  );
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const record = {
    project: fields.string("project"),
    domain: fields.string("domain"),
    class: fields.string("class"),
    epoch: fields.integer("epoch", 1),
    recipient: fields.string("recipient", /^age1[a-z0-9]{58}$/),
    ...(fields.has("kms") ? { kms: fields.string("kms") } : {}),
  };
  fields.end();
  if (record.kms !== undefined && (record.class.startsWith("_") || !isKmsKey(record.kms))) {
    throw integrity(`malformed ${what}`, {
      why: "its KMS key is no key ARN, or it is of a class that is never under KMS",
    });
  }
  return record;
}

interface Sources {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly project: string;
  readonly identity: () => Promise<Identity>;
  readonly kms: Kms;
  /** Says of a refusal of KMS what the policy says. */
  readonly explain: (refused: KmsRefused, place: { domain: string; class: string }) => Promise<KmsRefused>;
}

/** Looks keys up in the store; each at most once per process. */
export class ClassKeys {
  readonly #from: Sources;
  readonly #service: KeyService;
  readonly #epochs = new Map<string, Promise<ClassEpoch>>();
  readonly #secrets = new Map<string, Promise<string | undefined>>();

  constructor(sources: Sources) {
    this.#from = sources;
    this.#service = new KeyService(sources.kms);
  }

  /** The newest epoch of a class, to encrypt to. @throws CloisterError NOT_FOUND where none was ever logged */
  async newest(place: { domain: string; class: string }): Promise<ClassEpoch> {
    const newest = this.epochsOf(place).at(-1);
    if (newest === undefined) {
      throw new CloisterError("NOT_FOUND", `there is no key of ${place.domain}/${place.class} yet`, {
        why: "nobody may read that class, so what is pushed there would be lost; it gets a key with its first reader",
        next: "cloister member list",
      });
    }
    return this.record(place, newest);
  }

  /** Epochs that the log gave force, ascending. An attempt that never got there leaves objects under other numbers. */
  epochsOf(place: { domain: string; class: string }): readonly number[] {
    const prefix = `${place.domain}/${place.class}/`;
    const keys = [...this.#from.ledger.epochs.keys()].filter((key) => key.startsWith(prefix));
    return keys.map((key) => Number(key.slice(prefix.length))).sort((a, b) => a - b);
  }

  /** A key epoch as the log has it; what stands in the store must be just that. @throws CloisterError INTEGRITY */
  record(place: { domain: string; class: string }, epoch: number): Promise<ClassEpoch> {
    const key = epochKey(place, epoch);
    return memo(this.#epochs, key, async () => {
      const bytes = await this.#from.store.get(epochName(key), EPOCH_BYTES_MAX);
      const logged = this.#from.ledger.epochs.get(key);
      if (!logged) throw integrity(`key epoch ${key} was never logged`);
      if (!bytes) throw integrity(`key epoch ${key} is missing from the store`);
      if (sha256Hex(bytes) !== logged) throw integrity(`key epoch ${key} was changed`);
      const record = decodeEpoch(bytes);
      if (record.project !== this.#from.project || epochKey(record, record.epoch) !== key) {
        throw integrity(`key epoch ${key} was exchanged`);
      }
      return record;
    });
  }

  /**
   * The private half, where this device was given it; undefined where not.
   * @throws CloisterError INTEGRITY; for a class under KMS also KmsRefused, and UNAVAILABLE where KMS does not answer
   */
  secret(place: { domain: string; class: string }, epoch: number): Promise<string | undefined> {
    const key = epochKey(place, epoch);
    return memo(this.#secrets, key, async () => {
      const record = await this.record(place, epoch);
      if (isUnderKms(record)) return this.#asking(place, () => this.#unseal(key, record));
      const identity = await this.#from.identity();
      const file = await this.#from.store.get(keyFileName(key, identity.reads), KEY_FILE_BYTES_MAX);
      if (!file) return undefined;
      return openPrivateHalf(file, identity, record.recipient);
    });
  }

  async #unseal(key: string, record: KmsEpoch): Promise<string> {
    const name = kmsFileName(key);
    const file = await this.#from.store.get(name, KEY_FILE_BYTES_MAX);
    if (!file) throw integrity(`${name} is missing from the store`);
    return unsealPrivateHalf(this.#from.kms, record, file, name);
  }

  async #asking<T>(place: { domain: string; class: string }, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw error instanceof KmsRefused ? await this.#from.explain(error, place) : error;
    }
  }

  /** A new key of a version, wrapped for the readers of its class. */
  makeVersionKey(epoch: ClassEpoch, context: KeyContext): Promise<NewKey> {
    return this.#asking(context, () => this.#service.make(epoch, context));
  }

  /**
   * A key of a version out of its wrap; undefined where this member was not given the key of its class.
   * @throws CloisterError as {@link secret} does
   */
  async openVersionKey(context: KeyContext, wrap: () => Promise<Uint8Array>): Promise<Buffer | undefined> {
    const record = await this.record(context, context.epoch);
    const secretOf = () => this.secret(context, context.epoch);
    return this.#asking(context, () => this.#service.open(record, context, wrap, secretOf));
  }

  /** The key under which names of a domain become ids; undefined where this member was not given it. */
  async nameKey(domain: string): Promise<Buffer | undefined> {
    const place = { domain, class: NAMES_CLASS };
    const [first] = this.epochsOf(place);
    const secret = first === undefined ? undefined : await this.secret(place, first);
    return secret === undefined ? undefined : nameKeyOf(secret);
  }

  /** {@link nameKey}. @throws CloisterError POLICY_DENIED where it was not given */
  async requireNameKey(domain: string): Promise<Buffer> {
    const key = await this.nameKey(domain);
    if (key) return key;
    throw new CloisterError("POLICY_DENIED", `you hold no key of domain ${domain}`, {
      why: "no role of yours reaches into this domain",
      next: "cloister policy show",
    });
  }
}

/** HMAC-SHA256 under the name key, with what it is for: hex. */
export function nameIdOf(nameKey: Buffer, name: string): string {
  return createHmac("sha256", nameKey).update(`name\0${name}`).digest("hex");
}

/** Id of a secret. Its name may be that of an artifact: the ids still differ. */
export function secretIdOf(nameKey: Buffer, name: string): string {
  return createHmac("sha256", nameKey).update(`secret\0${name}`).digest("hex");
}

/** Id of a version label of a name. */
export function labelIdOf(nameKey: Buffer, name: string, label: string): string {
  return createHmac("sha256", nameKey).update(`label\0${name}\0${label}`).digest("hex");
}

/** Id of a tag of a name. A label may be the same word: the ids still differ. */
export function tagIdOf(nameKey: Buffer, name: string, tag: string): string {
  return createHmac("sha256", nameKey).update(`tag\0${name}\0${tag}`).digest("hex");
}

/** The key under which the words of tags are sealed, for whoever holds the name key. */
export function tagKeyOf(nameKey: Buffer): Buffer {
  return Buffer.from(hkdfSync("sha256", nameKey, Buffer.alloc(0), "cloister tag names v1", 32));
}

function memo<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  let value = made.get(key);
  if (!value) {
    value = make();
    made.set(key, value);
    // A refusal of KMS stays one, or a listing would ask it once for every version.
    value.catch((error: unknown) => error instanceof KmsRefused || made.delete(key));
  }
  return value;
}
