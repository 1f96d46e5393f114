// One object of each kind that `churn/customers:1.0` in the golden store needs, and one bit of it to flip.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ExpectedVersion, sha256Hex } from "./golden-store.ts";

export interface Bit {
  readonly object: string;
  readonly byte: number;
}

/** What `list`, which opens only headers, makes of it. Whatever reads the version itself ends with 6. */
export type Listing = "fails" | "ignores it" | "shows it";

export interface Flip {
  readonly kind: string;
  readonly list: Listing;
  readonly bit: Bit;
}

export function flip({ object, byte }: Bit): void {
  const bytes = readFileSync(object);
  bytes.writeUInt8(bytes.readUInt8(byte) ^ 1, byte);
  writeFileSync(object, bytes);
}

/** @param reads age recipient of the member who will read */
export function flipsFor(store: string, target: ExpectedVersion, reads: string): readonly Flip[] {
  return [...projectFlips(store, target, reads), ...versionFlips(store, target)];
}

function projectFlips(store: string, target: ExpectedVersion, reads: string): readonly Flip[] {
  const record = recordOf(store, target);
  const device = sha256Hex(reads).slice(0, 32);
  const [classKey, nameKey] = [`${target.domain}/${target.class}/1`, `${target.domain}/_names/1`];
  const intent = (file: string) =>
    payloadOf(file).entries.some((entry: { payload: string }) => idOf(entry) === `${record.operation}/intent`);
  return [
    { kind: "store object", list: "fails", bit: { object: join(store, "cloister"), byte: 40 } },
    {
      kind: "pinned policy",
      list: "fails",
      bit: middleOf(find(store, "policy", (file) => file.includes("00000001-"))),
    },
    {
      kind: "policy in force",
      list: "fails",
      bit: middleOf(find(store, "policy", (file) => file.includes("00000003-"))),
    },
    { kind: "commit with its push", list: "fails", bit: middleOf(find(store, "log/commit", intent)) },
    { kind: "class epoch", list: "ignores it", bit: middleOf(join(store, "epochs", classKey)) },
    { kind: "name key epoch", list: "fails", bit: middleOf(join(store, "epochs", nameKey)) },
    { kind: "class key file", list: "ignores it", bit: middleOf(join(store, "keys", classKey, device)) },
    { kind: "name key file", list: "fails", bit: middleOf(join(store, "keys", nameKey, device)) },
  ];
}

function versionFlips(store: string, target: ExpectedVersion): readonly Flip[] {
  const { file, seal, packs } = recordOf(store, target);
  const place = `${target.domain}/${target.class}`;
  const sealed = join(store, "seals", place, target.versionId);
  const wrap = (purpose: string) => middleOf(join(store, "wraps", place, target.versionId, purpose));
  const [header, manifest, tree] = [seal.header.bytes, seal.manifest.bytes, seal.tree.bytes];
  const part = (start: number, bytes: number): Bit => ({
    object: sealed,
    byte: MAGIC_BYTES + start + Math.floor(bytes / 2),
  });
  const pack = join(store, "packs", place, packs[0].id.slice(0, 2), packs[0].id);
  return [
    { kind: "version record", list: "ignores it", bit: middleOf(file) },
    { kind: "version record's signature", list: "ignores it", bit: { object: file, byte: statSync(file).size - 20 } },
    { kind: "sealed header", list: "ignores it", bit: part(0, header) },
    { kind: "sealed manifest", list: "shows it", bit: part(header, manifest) },
    { kind: "sealed tree", list: "shows it", bit: part(header + manifest, tree) },
    { kind: "metadata wrap", list: "ignores it", bit: wrap("metadata") },
    { kind: "data wrap", list: "shows it", bit: wrap("data") },
    { kind: "pack", list: "shows it", bit: middleOf(pack) },
  ];
}

const MAGIC_BYTES = 8;

export function middleOf(object: string): Bit {
  return { object, byte: Math.floor(statSync(object).size / 2) };
}

/** All objects under a prefix: of one version where their names have its id. */
export function objectsUnder(store: string, prefix: string, versionId: string): readonly string[] {
  const entries = readdirSync(join(store, prefix), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const own = files.filter((file) => file.includes(versionId));
  return own.length > 0 ? own : files;
}

function find(store: string, prefix: string, fits: (file: string) => boolean): string {
  const entries = readdirSync(join(store, prefix), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const found = files.find(fits);
  if (found === undefined) throw new Error(`the golden store has no such object under ${prefix}`);
  return found;
}

/** The version record, and the file it lies in. */
export function recordOf(store: string, target: ExpectedVersion) {
  const file = find(store, "versions", (each) => sha256Hex(payloadBytes(each)) === target.versionId);
  return { file, ...payloadOf(file) };
}

function payloadBytes(file: string): Buffer {
  return Buffer.from(JSON.parse(readFileSync(file, "utf8")).payload, "base64");
}

function payloadOf(file: string) {
  return JSON.parse(payloadBytes(file).toString());
}

function idOf(entry: { readonly payload: string }): string {
  return JSON.parse(Buffer.from(entry.payload, "base64").toString()).id;
}
