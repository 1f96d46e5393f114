// The steps that make an artifact version exist, in the order that leaves only garbage after a crash (store.md, Commit).
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import { canonicalBytes } from "../../base/json.ts";
import type { Written } from "../../content/write.ts";
import type { ClassEpoch } from "../../keys/class-key.ts";
import { publicKeyPem } from "../../keys/identity.ts";
import { newDataKey } from "../../keys/key-half.ts";
import { makeBundle } from "../../provenance/bundle.ts";
import type { ManifestContent } from "../../provenance/manifest.ts";
import { buildStatement } from "../../provenance/statement.ts";
import type { Operation } from "../guard.ts";
import { isReleased, splitKeys } from "../release/split.ts";
import type { Session } from "../session.ts";
import { isStanding, Reliance } from "../store/reliance.ts";
import { encodeSeal, type Header, type SealContext } from "./artifact-seal.ts";
import {
  readVersion,
  sealName,
  signVersion,
  VERSION_BYTES_MAX,
  type VersionRecord,
  versionName,
  wrapName,
} from "./version-record.ts";

/** What is to become a version, except for its number. */
export interface Draft {
  readonly epoch: ClassEpoch;
  readonly nameId: string;
  readonly content: Written;
  /** The store's clock before the first look at what lies there already. */
  readonly lookedMs: number;
  readonly header: Omit<Header, "manifest">;
  readonly manifest: (number: number) => ManifestContent;
  /** Told before each attempt to create the record, so that a later push can find it. */
  readonly attempting: (version: Numbered) => Promise<void>;
}

export interface Numbered {
  readonly number: number;
  readonly versionId: string;
}

/** A version that the log has still to take. */
export interface Committed extends Numbered {
  /** What has to hold until the log has it. */
  readonly reliance: Reliance;
}

/**
 * Seal, wraps and record of one number. It is a version once the log gives it that number; until then it is garbage.
 * @throws CloisterError UNAVAILABLE where the store fails; the outcome may be unknown, and nothing is cleaned up
 */
export async function commitVersion(
  session: Session,
  operation: Operation,
  draft: Draft,
  number: number,
): Promise<Committed> {
  const { versionId, record, bytes } = await prepare(session, operation, draft, number);
  await draft.attempting({ number, versionId });
  const { domain } = draft.epoch;
  await createNew(session, versionName({ domain, nameId: draft.nameId, number, versionId }), [bytes]);
  return { number, versionId, reliance: new Reliance({ record, versionId }, draft.lookedMs) };
}

/** What an interrupted push was about to log, where all of it is there still. */
export async function committedBefore(
  session: Session,
  version: Parameters<typeof versionName>[0],
): Promise<Committed | undefined> {
  const { number, versionId } = version;
  const lookedMs = await session.clock();
  try {
    const bytes = await session.store.get(versionName(version), VERSION_BYTES_MAX);
    const read = bytes && readVersion(bytes);
    if (read?.versionId !== versionId || !(await isStanding(session, read))) return undefined;
    return { number, versionId, reliance: new Reliance(read, lookedMs) };
  } catch (error) {
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}

async function prepare(
  session: Session,
  operation: Operation,
  draft: Draft,
  number: number,
): Promise<{ versionId: string; record: VersionRecord; bytes: Uint8Array }> {
  const { config } = session;
  const identity = await session.identity();
  const { epoch, nameId, content } = draft;
  const context: SealContext = {
    project: config.project,
    domain: epoch.domain,
    class: epoch.class,
    epoch: epoch.epoch,
    nameId,
    number,
  };
  const statement = canonicalBytes(buildStatement(draft.manifest(number)));
  const manifest = await makeBundle(statement, publicKeyPem(identity.signs), (pae) => identity.sign(pae));
  const metadata = await session.keys.makeVersionKey(epoch, { ...context, purpose: "metadata" });
  const { policy } = (await session.ledger.policy(operation.intent.event.policy)).compiled;
  const { kind } = draft.header;
  const data = isReleased(policy, { ...context, kind })
    ? { key: newDataKey(), wrap: undefined }
    : await session.keys.makeVersionKey(epoch, { ...context, purpose: "data" });
  const keys = { metadata: metadata.key, data: data.key };
  const split = await splitKeys(policy, context, kind, keys);
  const header = { ...draft.header, manifest: sha256Hex(manifest) };
  const seal = encodeSeal(keys, context, { header, manifest, tree: content.tree });
  const record: VersionRecord = {
    ...context,
    operation: operation.id,
    intent: operation.intent.entry,
    policy: operation.intent.event.policy,
    seal: seal.parts,
    packs: content.packs,
    ...(split.digests.length === 0 ? {} : { halves: split.digests }),
  };
  const { bytes, versionId } = await signVersion(record, identity);
  await createNew(session, sealName(record, versionId), seal.object);
  const wraps = [{ name: "metadata", file: metadata.wrap }, { name: "data", file: data.wrap }, ...split.wraps];
  for (const { name, file } of wraps) {
    if (file) await createNew(session, wrapName(record, versionId, name), [file]);
  }
  return { bytes, record, versionId };
}

/** An object under a name that nobody else can have taken: after a lost answer it is simply created again. */
export async function createNew(session: Session, name: string, parts: readonly Uint8Array[]): Promise<void> {
  try {
    await session.store.create(name, parts);
  } catch (error) {
    if (!(error instanceof CloisterError) || error.code !== "UNAVAILABLE") throw error;
    await session.store.create(name, parts);
  }
}
