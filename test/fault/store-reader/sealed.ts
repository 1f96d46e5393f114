// Opening sealed things by what docs/store-format.md says, without a line of the product: what both get wrong in the same
// way would not be found otherwise.
import { createDecipheriv, createHash, createHmac, createPublicKey, ECDH, type KeyObject, verify } from "node:crypto";
import { init, decompress as zstd } from "@bokuweb/zstd-wasm";
import { Decrypter } from "age-encryption";

export function sha256(bytes: Uint8Array | string): Buffer {
  return createHash("sha256").update(bytes).digest();
}

export function hex(bytes: Uint8Array | string): string {
  return sha256(bytes).toString("hex");
}

/** RFC 8785 for what occurs in stores: objects, lists, texts, whole numbers, booleans. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  const sorted = members.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join()}}`;
}

export interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[];
}

export const VERSION_TYPE = "application/vnd.cloister.version.v1+json";
export const COMMIT_TYPE = "application/vnd.cloister.commit.v1+json";
export const EVENT_TYPE = "application/vnd.cloister.event.v1+json";

export function payloadOf(envelope: Envelope): Buffer {
  return Buffer.from(envelope.payload, "base64");
}

/** Whether the one signature of a DSSE envelope of this type is by a key of the map (key id to key). */
export function isSigned(envelope: Envelope, type: string, keys: ReadonlyMap<string, KeyObject>): boolean {
  const [signature, ...more] = envelope.signatures;
  const key = keys.get(signature?.keyid ?? "");
  if (!signature || more.length > 0 || !key || envelope.payloadType !== type) return false;
  const payload = payloadOf(envelope);
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${String(type.length)} ${type} ${String(payload.length)} `),
    payload,
  ]);
  return verify("sha256", signed, key, Buffer.from(signature.sig, "base64"));
}

/** A `signs` value of a policy as a key, and its key id. */
export function signingKey(signs: string): { readonly id: string; readonly key: KeyObject } {
  const point = ECDH.convertKey(Buffer.from(signs.slice("p256:".length), "base64url"), "prime256v1") as Buffer;
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString("base64url"));
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y } as never, format: "jwk" });
  return { id: hex(key.export({ type: "spki", format: "pem" }) as string), key };
}

/** RFC 6962, section 2.1, of leaf hashes. */
export function treeRoot(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256("");
  if (leaves.length === 1) return leaves[0] as Buffer;
  let left = 1;
  while (left * 2 < leaves.length) left *= 2;
  return sha256(Buffer.concat([Buffer.of(1), treeRoot(leaves.slice(0, left)), treeRoot(leaves.slice(left))]));
}

/** @throws Error where the file is not encrypted to this key */
export async function openAge(secret: string, file: Uint8Array): Promise<Buffer> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(secret);
  return Buffer.from(await decrypter.decrypt(new Uint8Array(file)));
}

function openGcm(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer {
  const open = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: 16 });
  open.setAAD(aad).setAuthTag(sealed.subarray(-16));
  return Buffer.concat([open.update(sealed.subarray(0, -16)), open.final()]);
}

const PIECE = 16_384 + 16;

/** A padded blob of C2SP chunked-encryption. @throws Error where it is not what was sealed */
export function openPadded(key: Uint8Array, context: object, blob: Uint8Array): Buffer {
  const [salt, commitment, sealed] = [blob.subarray(0, 24), blob.subarray(24, 56), blob.subarray(56)];
  const name = Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0", "latin1");
  const info = Buffer.concat([name, salt, Buffer.from(canonical(context))]);
  const block = (before: Uint8Array, n: number) =>
    createHmac("sha512", key)
      .update(Buffer.concat([before, info, Buffer.of(n)]))
      .digest();
  const first = block(Buffer.alloc(0), 1);
  const okm = Buffer.concat([first, block(first, 2)]);
  if (!okm.subarray(44, 76).equals(commitment)) throw new Error("another commitment");
  const parts: Buffer[] = [];
  for (let at = 0, number = 0n; at <= sealed.length; at += PIECE, number++) {
    const nonce = Buffer.from(okm.subarray(32, 44));
    nonce.writeBigUInt64BE(nonce.readBigUInt64BE(4) ^ number, 4);
    parts.push(openGcm(okm.subarray(0, 32), nonce, Buffer.alloc(0), sealed.subarray(at, at + PIECE)));
    if ((parts.at(-1)?.length ?? 0) < PIECE - 16) break;
  }
  const padded = Buffer.concat(parts);
  const length = Number(padded.readBigUInt64BE(0));
  if (length > padded.length - 8 || padded.subarray(8 + length).some((byte) => byte !== 0))
    throw new Error("bad padding");
  return padded.subarray(8, 8 + length);
}

export interface ChunkRow {
  readonly digest: Buffer;
  readonly key: number;
  readonly pack: number;
  readonly offset: number;
  readonly stored: number;
  readonly plain: number;
  readonly codec: number;
}

/** A sealed chunk, opened and held against its digest. @throws Error */
export function openChunk(pushKey: Uint8Array, row: ChunkRow, sealed: Uint8Array): Buffer {
  const key = createHmac("sha256", pushKey).update("cloister chunk v1").update(row.digest).digest();
  const aad = Buffer.alloc(21);
  aad.write("cloister-chunk@1", "latin1");
  aad.writeUInt8(row.codec, 16);
  aad.writeUInt32BE(row.plain, 17);
  const opened = openGcm(key, sealed.subarray(0, 12), aad, sealed.subarray(12));
  const plain = row.codec === 0 ? opened : decompress(row.codec, opened);
  if (plain.length !== row.plain || !sha256(plain).equals(row.digest)) throw new Error("another content");
  return plain;
}

/** By the package's own interface, which the product does not use. */
function decompress(codec: number, bytes: Buffer): Buffer {
  if (codec !== 1) throw new Error(`unknown codec ${String(codec)}`);
  return Buffer.from(zstd(bytes));
}

await init();
