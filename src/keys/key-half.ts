// A version's data key in two halves, for two groups of people: neither learns anything of the key without the other.
import { createHmac, randomBytes } from "node:crypto";
import { sha256Hex } from "../base/digest.ts";
import { type CloisterError, integrity } from "../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../base/json.ts";
import { Fields } from "../base/record.ts";
import { decryptWith, encryptTo } from "./age.ts";
import type { KeyContext } from "./data-key.ts";

/** What a half belongs to. It stands inside, so that a half moved elsewhere is noticed. */
export interface HalfContext extends Omit<KeyContext, "purpose"> {
  /** Which half it is, such as `half-data-owner`. */
  readonly half: string;
}

/** What a half holds. */
export interface KeyHalf {
  /** 32 bytes; with the other half's it is the data key. */
  readonly share: Uint8Array;
  /** 32 bytes, the same in both halves: what is released of them fits together only for one request and one device. */
  readonly seed: Uint8Array;
  /** The version's metadata key, where the group sees what it releases. */
  readonly metadata?: Uint8Array | undefined;
}

/** What the signed version record says of a half: SHA-256 of share and seed, in hex. */
export interface HalfDigests {
  readonly half: string;
  readonly share: string;
  readonly seed: string;
}

/** What a released half is for. It stands inside, too. */
export interface ReleaseContext {
  /** Project id. */
  readonly project: string;
  readonly versionId: string;
  readonly half: string;
  /** SHA-256 of the request that was approved, hex. */
  readonly request: string;
}

const SECRET_BYTES = 32;
const PLAIN_BYTES_MAX = 4096;
const HALF_FORMAT = "key-half@1";
const RELEASED_FORMAT = "released-half@1";
const MASK_LABEL = "cloister released half v1";
const SECRET = /^[A-Za-z0-9_-]{43}$/;

/** A data key that only its halves will give back: no wrap holds it. */
export function newDataKey(): Buffer {
  return randomBytes(SECRET_BYTES);
}

/** Splits a key: each half alone is 32 random bytes, whatever the key is. */
export function splitKey(key: Uint8Array): readonly [KeyHalf, KeyHalf] {
  if (key.length !== SECRET_BYTES) throw new TypeError("a data key has 32 bytes");
  const seed = randomBytes(SECRET_BYTES);
  const share = randomBytes(SECRET_BYTES);
  return [
    { share, seed },
    { share: xor(share, key), seed },
  ];
}

export function digestsOf(half: string, { share, seed }: KeyHalf): HalfDigests {
  return { half, share: sha256Hex(share), seed: sha256Hex(seed) };
}

/** Encrypts a half to one device (`age1…`) of somebody who is to hold it. */
export function sealHalf(reads: string, context: HalfContext, half: KeyHalf): Promise<Uint8Array> {
  return encryptTo([reads], halfText(context, half));
}

/**
 * Opens a half for this device. It is used only where it says the place that it was found at, and where its digests are
 * those of the signed record: age does not say who encrypted.
 *
 * @throws {@link CloisterError} INTEGRITY
 */
export async function openHalf(
  ageSecret: string,
  context: HalfContext,
  digests: HalfDigests,
  file: Uint8Array,
): Promise<KeyHalf> {
  const what = "half of a data key";
  const { fields, plain } = await openFile(ageSecret, file, what);
  const metadata = fields.has("metadata") ? secretOf(fields, "metadata") : undefined;
  const half = { share: secretOf(fields, "share"), seed: secretOf(fields, "seed"), metadata };
  if (!halfText(context, half).equals(plain)) throw exchanged(what, "it was made for another version or another group");
  const found = digestsOf(context.half, half);
  if (digests.half !== context.half || found.share !== digests.share || found.seed !== digests.seed) {
    throw exchanged(what, "the signed version record names another");
  }
  return half;
}

/**
 * What an approval hands over of a half, encrypted to one device of the requester: share xor mask. Both released halves
 * of one request bear the same mask for the same device, and so give the key; no others do.
 *
 * @param reads `age1…` of that device
 */
export function releaseHalfTo(reads: string, context: ReleaseContext, { share, seed }: KeyHalf): Promise<Uint8Array> {
  return encryptTo([reads], releasedText(context, xor(share, maskOf(seed, context.request, reads))));
}

/**
 * Opens a released half for this device. Whether it is genuine shows when {@link joinHalves} gives a key that opens the
 * version's tree, which commits to its key.
 *
 * @throws {@link CloisterError} INTEGRITY, also where it was released for another request or version
 */
export async function openReleased(ageSecret: string, context: ReleaseContext, file: Uint8Array): Promise<Buffer> {
  const what = "released half of a data key";
  const { fields, plain } = await openFile(ageSecret, file, what);
  const share = secretOf(fields, "share");
  if (!releasedText(context, share).equals(plain)) {
    throw exchanged(what, "it was released for another request, version or group");
  }
  return share;
}

/** The data key, of both halves that were released for one request to one device; of others, 32 bytes of nothing. */
export function joinHalves(one: Uint8Array, other: Uint8Array): Buffer {
  return xor(one, other);
}

/** HMAC-SHA256 under the seed: label, NUL, request hash (32 bytes), recipient of the device as text. */
function maskOf(seed: Uint8Array, request: string, reads: string): Buffer {
  return createHmac("sha256", seed)
    .update(`${MASK_LABEL}\0`)
    .update(Buffer.from(request, "hex"))
    .update(reads)
    .digest();
}

function halfText(context: HalfContext, { share, seed, metadata }: KeyHalf): Buffer {
  const { project, domain, class: klass, epoch, nameId, number, half } = context;
  const place = { project, domain, class: klass, epoch, nameId, number, half };
  const secrets = { share: textOf(share), seed: textOf(seed), metadata: metadata && textOf(metadata) };
  return Buffer.from(canonicalBytes({ cloister: HALF_FORMAT, ...place, ...secrets }));
}

function releasedText({ project, versionId, half, request }: ReleaseContext, share: Uint8Array): Buffer {
  const members = { cloister: RELEASED_FORMAT, project, versionId, half, request, share: textOf(share) };
  return Buffer.from(canonicalBytes(members));
}

async function openFile(ageSecret: string, file: Uint8Array, what: string) {
  const plain = await decryptWith(ageSecret, file, what);
  if (!plain) throw integrity(`a ${what} is damaged`, { why: "it is not encrypted to this device" });
  return { plain, fields: new Fields(parseCanonical(plain, what, PLAIN_BYTES_MAX), what) };
}

function secretOf(fields: Fields, name: string): Buffer {
  return Buffer.from(fields.string(name, SECRET), "base64url");
}

function textOf(secret: Uint8Array): string {
  return Buffer.from(secret).toString("base64url");
}

function exchanged(what: string, why: string): CloisterError {
  return integrity(`a ${what} was exchanged`, { why });
}

function xor(one: Uint8Array, other: Uint8Array): Buffer {
  if (one.length !== SECRET_BYTES || other.length !== SECRET_BYTES) throw new TypeError("a share has 32 bytes");
  return Buffer.from(one.map((byte, index) => byte ^ (other[index] ?? 0)));
}
