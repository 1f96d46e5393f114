// Pushing where others release keys: the data key is split as the policy says, and each half sealed to its holders.
import { CloisterError } from "../../base/errors.ts";
import { sealBlob } from "../../content/blob.ts";
import { deviceIdOf } from "../../keys/identity.ts";
import {
  digestsOf,
  type HalfContext,
  type HalfDigests,
  type KeyHalf,
  sealHalf,
  splitKey,
} from "../../keys/key-half.ts";
import { checkPlace, groupName, type HalfPlace, holdersOf, seesMetadata, splitsOf } from "../../policy/key-halves.ts";
import type { Policy } from "../../policy/schema.ts";
import type { SealContext } from "../artifact/artifact-seal.ts";

/** What becomes of a version's keys besides the wraps for the readers of its class. */
export interface SplitKeys {
  /** For the signed record, in the order of their names; empty where nothing is split. */
  readonly digests: readonly HalfDigests[];
  /** Objects beside the version's wraps. */
  readonly wraps: readonly { readonly name: string; readonly file: Uint8Array }[];
}

/** The metadata key, sealed under the data key: for those who come by the data key without holding the class's. */
export const GLASS_WRAP = "glass";

/**
 * Whether pushes there end with a key that only others can release.
 * @throws CloisterError POLICY_DENIED, USAGE where somebody could read alone, or nobody could ever
 */
export function isReleased(policy: Policy, place: HalfPlace): boolean {
  checkPlace(policy, place);
  const releasing = splitsOf(policy, place).filter(({ purpose }) => purpose === "release");
  for (const half of releasing.flatMap(({ halves }) => halves)) {
    if (holdersOf(policy, place, half).length > 0) continue;
    throw new CloisterError("POLICY_DENIED", `push into ${place.domain}/${place.class}`, {
      why: `its keys are released by a ${groupName(half)}, and nobody is one there who may approve: nobody could ever read it`,
      next: `give somebody the role ${groupName(half)} in domain ${place.domain}: cloister policy propose`,
    });
  }
  return releasing.length > 0;
}

/**
 * Splits a new data key. Halves go to the devices themselves, not to a key of the group: whoever made that key, and
 * handed it out, would have both.
 *
 * @param policy the one that the push is judged by
 */
export async function splitKeys(
  policy: Policy,
  context: SealContext,
  kind: string,
  keys: { readonly data: Uint8Array; readonly metadata: Uint8Array },
): Promise<SplitKeys> {
  const place = { domain: context.domain, class: context.class, kind };
  const halves = splitsOf(policy, place).flatMap(({ halves: names }) => {
    const [one, other] = splitKey(keys.data);
    return [named(names[0], one, keys.metadata), named(names[1], other, keys.metadata)];
  });
  const sealed = halves.flatMap(({ name: half, content }) =>
    holdersOf(policy, place, half)
      .flatMap(({ devices }) => devices)
      .map(({ reads }) => sealFor(reads, { ...context, half }, content)),
  );
  const digests = halves.map(({ name, content }) => digestsOf(name, content));
  return {
    digests: digests.sort((a, b) => (a.half < b.half ? -1 : 1)),
    wraps: [
      ...(await Promise.all(sealed)),
      ...(halves.some(({ name }) => !seesMetadata(name)) ? [glass(context, keys)] : []),
    ],
  };
}

function named(name: string, half: KeyHalf, metadata: Uint8Array): { name: string; content: KeyHalf } {
  return { name, content: seesMetadata(name) ? { ...half, metadata } : half };
}

/** A half for one device, as an object beside the version's wraps. */
export async function sealFor(reads: string, context: HalfContext, half: KeyHalf) {
  return { name: halfWrap(context.half, reads), file: await sealHalf(reads, context, half) };
}

export function halfWrap(half: string, reads: string): string {
  return `${half}/${deviceIdOf(reads)}`;
}

function glass(context: SealContext, { data, metadata }: { readonly data: Uint8Array; readonly metadata: Uint8Array }) {
  return { name: GLASS_WRAP, file: sealBlob(data, glassContext(context), metadata) };
}

export function glassContext(context: SealContext) {
  const { project, domain, class: klass, epoch, nameId, number } = context;
  return { object: "metadata-key", project, domain, class: klass, epoch, nameId, number };
}
