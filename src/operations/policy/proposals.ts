// Policy versions that wait for signatures: `proposals/<version>-<digest>/…`, each signature an object of its own, so that
// nobody can stop another from signing. Whatever else lies there is junk, and passed over.
import { sha256Hex } from "../../base/digest.ts";
import { integrity, isIntegrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { decryptWith, encryptTo } from "../../keys/age.ts";
import {
  type Envelope,
  type EnvelopeSignature,
  parseEnvelope,
  SIGNATURES_MAX,
  signEnvelope,
  verifyEnvelope,
} from "../../keys/dsse.ts";
import type { Identity } from "../../keys/identity.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import type { Store } from "../../store/store.ts";
import { ENVELOPE_BYTES_MAX, parsePolicy } from "../policy-shelf.ts";

const NOTE_TYPE = "application/vnd.cloister.proposal.v1+json";
const NOTE_BYTES_MAX = 128 * 1024;
/** Places of keys, as `domain/class`: more than any policy has. */
const REKEY = /^[a-z0-9][a-z0-9._-]{0,127}\/[a-z0-9][a-z0-9._-]{0,127}$/;

/** What a proposal is about besides its text: what its author says of it. */
export interface ProposalNote {
  readonly project: string;
  readonly version: number;
  readonly digest: string;
  /** Age file to the devices of those who can sign, base64. */
  readonly why: string | undefined;
  /** `domain/class` of keys that are to be made anew with it, though nothing in its text says so. */
  readonly rekey: readonly string[];
}

/** A proposal as it lies in the store. Nothing in it was verified yet but the digest of its text. */
export interface StoredProposal {
  readonly version: number;
  readonly digest: string;
  /** The text with every signature that was found, whoever made it. */
  readonly envelope: Envelope;
  readonly signatureNames: readonly { readonly name: string; readonly envelope: Envelope }[];
  readonly notes: readonly { readonly name: string; readonly envelope: Envelope; readonly note: ProposalNote }[];
}

function folderOf(version: number, digest: string): string {
  return `proposals/${String(version).padStart(8, "0")}-${digest}/`;
}

const NAME = /^proposals\/(\d{8})-([0-9a-f]{64})\/([0-9a-f]{64})$/;

/** All proposals whose text is there. @param only of this version, or of all */
export async function readProposals(store: Store, only?: number): Promise<readonly StoredProposal[]> {
  const found = new Map<string, string[]>();
  for await (const { name } of store.list("proposals/")) {
    const match = NAME.exec(name);
    if (!match || (only !== undefined && Number(match[1]) !== only)) continue;
    const key = `${match[1] ?? ""}-${match[2] ?? ""}`;
    found.set(key, [...(found.get(key) ?? []), name]);
  }
  const read = await Promise.all([...found].map(async ([key, names]) => readProposal(store, key, names)));
  return read.filter((proposal) => proposal !== undefined);
}

/** The proposal of just this text, if it is there. */
export async function findProposal(store: Store, version: number, digest: string): Promise<StoredProposal | undefined> {
  const names: string[] = [];
  for await (const { name } of store.list(folderOf(version, digest))) if (NAME.test(name)) names.push(name);
  return readProposal(store, `${String(version).padStart(8, "0")}-${digest}`, names);
}

async function readProposal(store: Store, key: string, names: readonly string[]): Promise<StoredProposal | undefined> {
  const [version, digest] = [Number(key.slice(0, 8)), key.slice(9)];
  const signatures: { name: string; envelope: Envelope }[] = [];
  const notes: StoredProposal["notes"][number][] = [];
  for (const name of names) {
    const bytes = await unlessJunk(() => store.get(name, ENVELOPE_BYTES_MAX));
    if (!bytes || sha256Hex(bytes) !== name.slice(-64)) continue;
    const envelope = await unlessJunk(() => parsePolicy(bytes, name));
    if (envelope && sha256Hex(envelope.payload) === digest) signatures.push({ name, envelope });
    const note = envelope ? undefined : await unlessJunk(() => parseNote(bytes, name));
    if (note?.note.version === version && note.note.digest === digest) notes.push({ name, ...note });
  }
  const [first] = signatures;
  if (!first) return undefined;
  const all = signatures.flatMap(({ envelope }) => envelope.signatures);
  return { version, digest, envelope: { ...first.envelope, signatures: all }, signatureNames: signatures, notes };
}

/** Adds a signature of one's own. */
export async function addSignature(store: Store, version: number, digest: string, signed: Uint8Array): Promise<void> {
  await store.create(`${folderOf(version, digest)}${sha256Hex(signed)}`, [signed]);
}

/** Says why, for the eyes of those who can sign. */
export async function addNote(
  store: Store,
  identity: Identity,
  note: Omit<ProposalNote, "why"> & { readonly why: string | undefined },
  readers: readonly Member[],
): Promise<void> {
  const { project, version, digest, rekey } = note;
  const recipients = readers.flatMap(({ devices }) => devices.map(({ reads }) => reads));
  const sealed = note.why === undefined ? undefined : await encryptTo(recipients, Buffer.from(note.why));
  const payload = canonicalBytes({
    ...{ v: 1, project, policyVersion: version, digest, rekey: [...rekey] },
    ...(sealed ? { why: Buffer.from(sealed).toString("base64") } : {}),
  });
  const bytes = await signEnvelope(NOTE_TYPE, payload, identity);
  await store.create(`${folderOf(version, digest)}${sha256Hex(bytes)}`, [bytes]);
}

function parseNote(bytes: Uint8Array, what: string): { envelope: Envelope; note: ProposalNote } {
  const envelope = parseEnvelope(bytes, NOTE_TYPE, what, NOTE_BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, NOTE_BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const note = {
    project: fields.string("project", ID),
    version: fields.integer("policyVersion", 1),
    digest: fields.string("digest", SHA256),
    rekey: fields.strings("rekey", REKEY),
    why: fields.has("why") ? fields.string("why") : undefined,
  };
  fields.end();
  return { envelope, note };
}

/** Notes of people who can sign; others can write there, too. */
export function notesBy(
  { notes }: StoredProposal,
  project: string,
  signers: readonly Member[],
): readonly ProposalNote[] {
  return notes
    .filter(({ envelope, note }) => note.project === project && signers.some((signer) => isBy(envelope, signer)))
    .map(({ note }) => note);
}

/** The first reason that this device can read. */
export async function whyOf(notes: readonly ProposalNote[], identity: Identity): Promise<string | undefined> {
  for (const { why } of notes) {
    const file = why === undefined ? undefined : Buffer.from(why, "base64");
    const plain = file && (await unlessJunk(() => decryptWith(identity.ageSecret, file, "reason of a proposal")));
    if (plain) return Buffer.from(plain).toString("utf8");
  }
  return undefined;
}

/** Removes what a member's devices put there. What others copied of it stays with them. */
export async function removeOwn(store: Store, proposal: StoredProposal, member: Member): Promise<void> {
  const own = [...proposal.signatureNames, ...proposal.notes].filter(({ envelope }) => isBy(envelope, member));
  for (const { name } of own) await store.delete(name);
}

/** One signature for each device of those who can sign, and no others; as many as an envelope holds. */
export function signaturesOf(envelope: Envelope, signers: readonly Member[]): readonly EnvelopeSignature[] {
  const devices = new Set(signers.flatMap((signer) => signer.devices.map(({ signs }) => signs)));
  const signatures = [...devices].map((signs) =>
    envelope.signatures.find((each) => verifyEnvelope({ ...envelope, signatures: [each] }, signs)),
  );
  return signatures.filter((signature) => signature !== undefined).slice(0, SIGNATURES_MAX);
}

/** Owners, unsuspended where they are named, of one version or the other. */
export function signersOf(...policies: readonly Policy[]): readonly Member[] {
  return policies.flatMap(({ owners, members }) =>
    members.filter(({ id, suspended }) => suspended === undefined && owners.members.includes(id)),
  );
}

function isBy(envelope: Envelope, { devices }: Member): boolean {
  return devices.some(({ signs }) => verifyEnvelope(envelope, signs));
}

async function unlessJunk<T>(read: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}
