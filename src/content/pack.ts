// What a pack is: sealed chunks one after the other and random padding, under a random name. See docs/store-format.md.
import { CloisterError, integrity } from "../base/errors.ts";
import type { Store } from "../store/store.ts";

/** Size of every full pack, in bytes. */
export const PACK_BYTES = 64 * 1024 * 1024;
/** Below this the size of a pack would tell the size of a small secret. */
const PACK_BYTES_MIN = 4096;

/** A pack as trees and version records name it. */
export interface PackRef {
  /** Random, 32 lower-case hex digits. */
  readonly id: string;
  /** Size with padding. */
  readonly bytes: number;
}

/** Ids of packs that garbage collection has marked. */
export type CondemnedPacks = Pick<ReadonlySet<string>, "has">;

/** Where the packs of one domain and class lie. */
export interface PackPlace {
  readonly store: Store;
  /** `packs/<domain>/<class>/`. */
  readonly prefix: string;
  /** Ids of the packs that garbage collection has marked, so that nothing new may rely on them. */
  condemned(): Promise<CondemnedPacks>;
}

export function packName(prefix: string, id: string): string {
  return `${prefix}${id.slice(0, 2)}/${id}`;
}

/**
 * Size that a pack with so many bytes of chunks is padded to: Padmé (Nikitin et al., "Reducing Metadata Leakage from
 * Encrypted Files and Communication with PURBs", PETS 2019): at most 12 % more, O(log log n) bits told.
 */
export function paddedBytes(bytes: number): number {
  const least = Math.max(bytes, PACK_BYTES_MIN);
  const exponent = 31 - Math.clz32(least);
  const free = exponent - (32 - Math.clz32(exponent));
  const mask = (1 << free) - 1;
  return (least + mask) & ~mask;
}

/**
 * Creates a pack. After an unknown outcome it asks again under the same name: nobody else draws the same random id, so
 * an object with the same bytes is ours.
 *
 * @throws CloisterError UNAVAILABLE where it stays unknown whether the pack is there
 */
export async function createPack(store: Store, name: string, parts: readonly Uint8Array[]): Promise<void> {
  const outcome = await store.create(name, parts).catch(async (error: unknown) => {
    if (error instanceof CloisterError && error.code === "UNAVAILABLE") return await store.create(name, parts);
    throw error;
  });
  if (outcome === "exists" && !(await isStored(store, name, parts))) {
    throw integrity(`another object lies under the fresh random name ${name}`);
  }
}

async function isStored(store: Store, name: string, parts: readonly Uint8Array[]): Promise<boolean> {
  let from = 0;
  for (const expected of parts) {
    const found = await store.range(name, from, expected.length);
    if (!found || Buffer.compare(found, expected) !== 0) return false;
    from += expected.length;
  }
  return (await store.range(name, from, 1))?.length === 0;
}
