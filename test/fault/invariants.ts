// The invariants of the store (testing.md I1 to I7), held against its bytes by a reader that shares nothing with the
// product. Every suite of this folder asks this after every fault.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { identityToRecipient } from "age-encryption";
import { expect } from "vitest";
import { type Entry, type Keys, memberKeys, parseEnvelope, readLog } from "./store-reader/log.ts";
import { hex, isSigned, openAge, openPadded, payloadOf, VERSION_TYPE } from "./store-reader/sealed.ts";
import { contentProblems, dirHashOf, readTree } from "./store-reader/tree.ts";

export interface Stored {
  readonly versionId: string;
  readonly number: number;
  readonly nameId: string;
  readonly name: string;
  readonly label: string | undefined;
  readonly packs: readonly string[];
  /** SHA-256 of each file by its path. */
  readonly files: ReadonlyMap<string, string>;
}

export interface State {
  /** What is wrong, each with the number of the invariant; empty where all holds. */
  readonly problems: readonly string[];
  /** Versions that count, in the order of the log. */
  readonly versions: readonly Stored[];
  /** Packs that no version names: what interrupted pushes left. */
  readonly garbage: readonly string[];
  /** Actions that were begun and neither finished nor given up. */
  readonly open: readonly string[];
}

interface Part {
  readonly bytes: number;
  readonly sha256: string;
}

interface VersionPayload {
  readonly project: string;
  readonly domain: string;
  readonly class: string;
  readonly epoch: number;
  readonly nameId: string;
  readonly number: number;
  readonly operation: string;
  readonly intent: number;
  readonly policy: number;
  readonly packs: readonly { readonly id: string; readonly bytes: number }[];
  readonly seal: { readonly header: Part; readonly manifest: Part; readonly tree: Part };
}

/**
 * Reads a store in a folder from its first to its last byte.
 * @param ageSecret `AGE-SECRET-KEY-1…` of a device that may read everything
 */
export async function inspect(store: string, ageSecret: string): Promise<State> {
  const problems: string[] = [];
  const { project } = JSON.parse(readFileSync(join(store, "cloister"), "utf8"));
  const keys = memberKeys(store, problems);
  const entries = readLog(store, project, keys, problems);
  const reader = new VersionReader(store, project, ageSecret, { keys, entries, problems });
  const versions: Stored[] = [];
  const filed = entries.filter(({ action, phase }) => action === "artifact.push" && phase === "done");
  checkNumbers(filed, problems);
  for (const done of filed) {
    const version = await reader.read(done);
    if (version) versions.push(version);
  }
  const named = new Set(versions.flatMap(({ packs }) => packs));
  const garbage = objectsBelow(store, "packs").filter((name) => !named.has(name.slice(-32)));
  return { problems, versions, garbage, open: openOperations(entries) };
}

/** {@link inspect}, and nothing may be wrong; nothing that was acknowledged may be missing (I6). */
export async function expectInvariants(
  store: string,
  ageSecret: string,
  acknowledged: readonly string[] = [],
): Promise<State> {
  const state = await inspect(store, ageSecret);
  expect(state.problems).toEqual([]);
  expect(state.versions.map(({ versionId }) => versionId)).toEqual(expect.arrayContaining([...acknowledged]));
  return state;
}

/** I4: numbers of an artifact are 1, 2, 3, … in the order of the log; labels and version ids are given once. */
function checkNumbers(filed: readonly Entry[], problems: string[]): void {
  const next = new Map<string, number>();
  const given = new Set<string>();
  for (const { entry, domain, versionId, facts } of filed) {
    const artifact = `${domain}/${String(facts["nameId"])}`;
    const number = (next.get(artifact) ?? 0) + 1;
    if (facts["number"] !== number) problems.push(`I4 log entry ${String(entry)}: not number ${String(number)}`);
    next.set(artifact, number);
    const label = facts["labelId"] === undefined ? [] : [`${artifact}:${String(facts["labelId"])}`];
    for (const once of [versionId, ...label]) {
      if (given.has(once)) problems.push(`I4 log entry ${String(entry)}: ${once} was given before`);
      given.add(once);
    }
  }
}

function openOperations(entries: readonly Entry[]): readonly string[] {
  const ended = new Set(entries.filter(({ phase }) => phase !== "intent").map(({ operation }) => operation));
  return entries.filter(({ operation }) => !ended.has(operation)).map(({ action }) => action);
}

/** Names of all objects below a folder of the store. */
export function objectsBelow(store: string, folder: string): string[] {
  const path = join(store, folder);
  if (!existsSync(path)) return [];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(store.length + 1))
    .sort();
}

interface Log {
  readonly keys: Keys;
  readonly entries: readonly Entry[];
  readonly problems: string[];
}

class VersionReader {
  readonly #store: string;
  readonly #project: string;
  readonly #ageSecret: string;
  readonly #log: Log;
  readonly #classSecrets = new Map<string, string>();
  readonly #packs = new Map<string, Buffer | undefined>();

  constructor(store: string, project: string, ageSecret: string, log: Log) {
    this.#store = store;
    this.#project = project;
    this.#ageSecret = ageSecret;
    this.#log = log;
  }

  /** Everything from the log entry down to the last byte of content; undefined where the version was destroyed. */
  async read(done: Entry): Promise<Stored | undefined> {
    const shred = this.#log.entries.some(
      ({ versionId, action, facts }) =>
        versionId === done.versionId && action === "artifact.retire" && facts["retire"] === "shred",
    );
    if (shred) return undefined;
    try {
      return await this.#read(done);
    } catch (error) {
      this.#wrong(done, `I3 ${String(error)}`);
      return undefined;
    }
  }

  #wrong(done: Entry, what: string): void {
    this.#log.problems.push(`${what} (version ${String(done.facts["number"])}, ${done.versionId.slice(0, 12)})`);
  }

  async #read(done: Entry): Promise<Stored> {
    const record = this.#record(done);
    for (const { id, bytes } of record.packs) {
      const there = statSync(this.#packPath(record, id), { throwIfNoEntry: false })?.size;
      if (there !== bytes) this.#wrong(done, `I2 pack ${id} has ${String(there)} bytes, not ${String(bytes)}`);
    }
    const parts = this.#parts(done, record);
    const [metadata, data] = [await this.#key(done, record, "metadata"), await this.#key(done, record, "data")];
    const header = JSON.parse(openPadded(metadata, context(record, "header"), parts.header).toString());
    const manifest = openPadded(metadata, context(record, "manifest"), parts.manifest);
    if (hex(manifest) !== header.manifest) this.#wrong(done, "I1 the manifest is another than the header says");
    const tree = readTree(openPadded(data, context(record, "tree"), parts.tree));
    if (dirHashOf(tree.files) !== header.dirHash) this.#wrong(done, "I1 the tree is another than the header says");
    const sorted = (packs: VersionPayload["packs"]) => packs.map(({ id, bytes }) => `${id} ${String(bytes)}`).sort();
    expect(sorted(tree.packs)).toEqual(sorted(record.packs));
    const problems = contentProblems(tree, (id) => this.#pack(this.#packPath(record, id)));
    for (const problem of problems.slice(0, 3)) this.#wrong(done, `I3 ${problem}`);
    const { versionId } = done;
    const { name, label } = header;
    const files = new Map(tree.files.filter(({ kind }) => kind !== 2).map(({ path, sha256 }) => [path, sha256]));
    const packs = record.packs.map(({ id }) => id);
    return { versionId, number: record.number, nameId: record.nameId, name, label, packs, files };
  }

  /** I1 and I7: the record is what the log named, signed by who logged it, and its intent stands before it. */
  #record(done: Entry): VersionPayload {
    const { nameId, number } = done.facts;
    const name = `versions/${done.domain}/${String(nameId)}/${String(number).padStart(8, "0")}-${done.versionId}`;
    const envelope = parseEnvelope(readFileSync(join(this.#store, name)));
    if (!envelope || !isSigned(envelope, VERSION_TYPE, this.#log.keys)) throw new Error(`${name} is not signed`);
    if (hex(payloadOf(envelope)) !== done.versionId) this.#wrong(done, "I1 the record is not the one in the log");
    if (envelope.signatures[0]?.keyid !== done.keyId) this.#wrong(done, "I1 somebody else signed the record");
    const record = JSON.parse(payloadOf(envelope).toString()) as VersionPayload;
    const intent = this.#log.entries[record.intent];
    const { operation, policy } = record;
    const { keyId, domain, class: klass } = done;
    const said = { operation, policy, keyId, domain, class: klass, phase: "intent", action: "artifact.push" };
    const before = intent !== undefined && intent.entry < done.entry && done.operation === operation;
    const fits = Object.entries(said).every(([name, value]) => intent?.[name as keyof Entry] === value);
    if (!before || !fits) this.#wrong(done, "I7 the intent of its push is not in the log");
    const place = [record.project, record.domain, record.class, record.nameId, record.number];
    if (JSON.stringify(place) !== JSON.stringify([this.#project, done.domain, done.class, nameId, number])) {
      this.#wrong(done, "I1 the record belongs elsewhere");
    }
    return record;
  }

  #parts(done: Entry, record: VersionPayload): Readonly<Record<"header" | "manifest" | "tree", Buffer>> {
    const bytes = readFileSync(join(this.#store, "seals", record.domain, record.class, done.versionId));
    const { header, manifest, tree } = record.seal;
    const sizes = [8, header.bytes, manifest.bytes, tree.bytes];
    const [magic = "", ...parts] = sizes.map((size, i) => {
      const from = sizes.slice(0, i).reduce((sum, each) => sum + each, 0);
      return bytes.subarray(from, from + size);
    });
    const whole = magic.toString() === "CLSEAL1\n" && bytes.length === sizes.reduce((sum, size) => sum + size, 0);
    const digests = [header, manifest, tree].every(({ sha256 }, i) => hex(parts[i] ?? "") === sha256);
    if (!whole || !digests) this.#wrong(done, "I1 the seal is not the one of the record");
    const [first, second, third] = parts as [Buffer, Buffer, Buffer];
    return { header: first, manifest: second, tree: third };
  }

  async #key(done: Entry, record: VersionPayload, purpose: "metadata" | "data"): Promise<Buffer> {
    const { domain, class: klass, epoch, nameId, number, project } = record;
    const wrap = join(this.#store, "wraps", domain, klass, done.versionId, purpose);
    const opened = JSON.parse((await openAge(await this.#classSecret(record), readFileSync(wrap))).toString());
    const { key, ...about } = opened;
    const expected = { cloister: "wrapped-key@1", domain, class: klass, epoch, nameId, number, project, purpose };
    expect(about).toEqual(expected);
    return Buffer.from(key, "base64url");
  }

  async #classSecret({ domain, class: klass, epoch }: VersionPayload): Promise<string> {
    const folder = join(this.#store, "keys", domain, klass, String(epoch));
    const known = this.#classSecrets.get(folder);
    if (known !== undefined) return known;
    const device = hex(await identityToRecipient(this.#ageSecret)).slice(0, 32);
    const secret = (await openAge(this.#ageSecret, readFileSync(join(folder, device)))).toString().trimEnd();
    this.#classSecrets.set(folder, secret);
    return secret;
  }

  #packPath({ domain, class: klass }: VersionPayload, id: string): string {
    return join(this.#store, "packs", domain, klass, id.slice(0, 2), id);
  }

  #pack(path: string): Buffer | undefined {
    if (!this.#packs.has(path)) this.#packs.set(path, existsSync(path) ? readFileSync(path) : undefined);
    return this.#packs.get(path);
  }
}

function context(record: VersionPayload, object: string): object {
  const { project, domain, class: klass, epoch, nameId, number } = record;
  return { class: klass, domain, epoch, nameId, number, object, project };
}
