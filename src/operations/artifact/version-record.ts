// The version record: the signed object that makes an artifact version exist (docs/store-format.md).
import { sha256Hex } from "../../base/digest.ts";
import { integrity } from "../../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../../base/json.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { type Envelope, parseEnvelope, signEnvelope } from "../../keys/dsse.ts";
import type { Identity } from "../../keys/identity.ts";
import type { HalfDigests } from "../../keys/key-half.ts";
import type { SealContext, SealParts } from "./artifact-seal.ts";

const VERSION_TYPE = "application/vnd.cloister.version.v1+json";
/** Some hundred thousand packs of 64 MiB. */
export const VERSION_BYTES_MAX = 16 * 1024 * 1024;

export interface VersionRecord extends SealContext {
  readonly operation: string;
  /** Log entry of the intent. */
  readonly intent: number;
  /** Policy version in force there. */
  readonly policy: number;
  readonly seal: SealParts;
  /** Every pack the version needs: reachability is known without a key. */
  readonly packs: readonly { readonly id: string; readonly bytes: number }[];
  /** The halves of its data key, by their names; undefined where it was not split. */
  readonly halves?: readonly HalfDigests[] | undefined;
}

/** More than two ways to split a key there are not. */
const HALVES_MAX = 4;
const HALF = /^(half|glass)-[a-z0-9][a-z0-9._-]{0,127}$/;

/**
 * Numbers are padded so that listing gives them in order. The id is part of the name: the log gives numbers, and whoever
 * can write to the store cannot take the name of the next version with junk.
 */
export function versionName(version: {
  readonly domain: string;
  readonly nameId: string;
  readonly number: number;
  readonly versionId: string;
}): string {
  const { domain, nameId, number, versionId } = version;
  return `versions/${domain}/${nameId}/${String(number).padStart(8, "0")}-${versionId}`;
}

export function sealName(record: VersionRecord, versionId: string): string {
  return `seals/${record.domain}/${record.class}/${versionId}`;
}

/** @param wrap `data`, `metadata`, or what release/split.ts calls its own */
export function wrapName(record: VersionRecord, versionId: string, wrap: string): string {
  return `wraps/${record.domain}/${record.class}/${versionId}/${wrap}`;
}

export function contextOfVersion(record: VersionRecord): SealContext {
  const { project, domain, class: klass, epoch, nameId, number } = record;
  return { project, domain, class: klass, epoch, nameId, number };
}

/** The signed record and its id: SHA-256 of the payload, to which log, approvals and statements are bound. */
export async function signVersion(
  record: VersionRecord,
  identity: Identity,
): Promise<{ bytes: Uint8Array; versionId: string }> {
  const halves = record.halves?.map(({ half, share, seed }) => ({ half, share, seed }));
  const payload = canonicalBytes({ v: 1, ...record, halves });
  return { bytes: await signEnvelope(VERSION_TYPE, payload, identity), versionId: sha256Hex(payload) };
}

/** @throws CloisterError INTEGRITY */
export function readVersion(bytes: Uint8Array): { record: VersionRecord; versionId: string; envelope: Envelope } {
  const what = "version record";
  const envelope = parseEnvelope(bytes, VERSION_TYPE, what, VERSION_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, VERSION_BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const record: VersionRecord = {
    project: fields.string("project", ID),
    domain: fields.string("domain"),
    class: fields.string("class"),
    epoch: fields.integer("epoch", 1),
    nameId: fields.string("nameId", SHA256),
    number: fields.integer("number", 1),
    operation: fields.string("operation", ID),
    intent: fields.integer("intent"),
    policy: fields.integer("policy", 1),
    seal: readSeal(fields.fields("seal")),
    packs: fields.list("packs").map((item) => {
      const pack = new Fields(item, what);
      const read = { id: pack.string("id", ID), bytes: pack.integer("bytes", 1) };
      pack.end();
      return read;
    }),
    ...(fields.has("halves") ? { halves: readHalves(fields.list("halves"), what) } : {}),
  };
  fields.end();
  return { record, versionId: sha256Hex(envelope.payload), envelope };
}

function readHalves(items: readonly Json[], what: string): readonly HalfDigests[] {
  const halves = items.map((item) => {
    const fields = new Fields(item, what);
    const read = {
      half: fields.string("half", HALF),
      share: fields.string("share", SHA256),
      seed: fields.string("seed", SHA256),
    };
    fields.end();
    return read;
  });
  const names = halves.map(({ half }) => half);
  const inOrder = names.every((name, index) => index === 0 || (names[index - 1] ?? "") < name);
  if (inOrder && (halves.length === 2 || halves.length === HALVES_MAX)) return halves;
  throw integrity(`malformed ${what}`, { why: "its halves are not two or four in the order of their names" });
}

function readSeal(fields: Fields): SealParts {
  const part = (name: string) => {
    const read = fields.fields(name);
    const described = { bytes: read.integer("bytes", 1), sha256: read.string("sha256", SHA256) };
    read.end();
    return described;
  };
  const parts = { header: part("header"), manifest: part("manifest"), tree: part("tree") };
  fields.end();
  return parts;
}
