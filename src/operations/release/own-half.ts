// The halves of data keys that this device holds: to release them, and to see what it is that they release.
import { type KeyHalf, openHalf } from "../../keys/key-half.ts";
import { holdersOf, seesMetadata } from "../../policy/key-halves.ts";
import { contextOfVersion, type VersionRecord, wrapName } from "../artifact/version-record.ts";
import type { Session } from "../session.ts";
import { halfWrap } from "./split.ts";

const HALF_BYTES_MAX = 8 * 1024;

/** A version as far as it is known without any key. */
export interface SplitVersion {
  readonly record: VersionRecord;
  readonly versionId: string;
}

/** Halves of a version that the policy in force gives this member, whether or not this device was given them. */
export async function halvesOfMine(session: Session, { record }: SplitVersion): Promise<readonly string[]> {
  const names = (record.halves ?? []).map(({ half }) => half);
  if (names.length === 0) return [];
  const { policy } = (await session.policy()).compiled;
  const { id } = await session.me();
  return names.filter((half) => holdersOf(policy, record, half).some((holder) => holder.id === id));
}

/**
 * Opens a half; undefined where this device was never given it.
 * @throws CloisterError INTEGRITY where it is not the half that the signed record names
 */
export async function ownHalf(
  session: Session,
  { record, versionId }: SplitVersion,
  half: string,
): Promise<KeyHalf | undefined> {
  const digests = record.halves?.find((each) => each.half === half);
  if (!digests) return undefined;
  const { ageSecret, reads } = await session.identity();
  const file = await session.store.get(wrapName(record, versionId, halfWrap(half, reads)), HALF_BYTES_MAX);
  return file && openHalf(ageSecret, { ...contextOfVersion(record), half }, digests, file);
}

/** The metadata key, for those who release the data key without holding the key of the class. */
export async function metadataByHalf(session: Session, version: SplitVersion): Promise<Buffer | undefined> {
  for (const half of (await halvesOfMine(session, version)).filter(seesMetadata)) {
    const opened = await ownHalf(session, version, half);
    if (opened?.metadata) return Buffer.from(opened.metadata);
  }
  return undefined;
}
