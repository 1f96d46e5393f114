// A key that others released: both halves of one request, put together by whoever asked.
import { integrity, isIntegrity } from "../../base/errors.ts";
import { SHA256 } from "../../base/record.ts";
import { openBlob } from "../../content/blob.ts";
import { deviceIdOf } from "../../keys/identity.ts";
import { joinHalves, openReleased, type ReleaseContext } from "../../keys/key-half.ts";
import { halvesFor, type Split } from "../../policy/key-halves.ts";
import { contextOfVersion, wrapName } from "../artifact/version-record.ts";
import type { Session } from "../session.ts";
import type { SplitVersion } from "./own-half.ts";
import { GLASS_WRAP, glassContext } from "./split.ts";

const RELEASED_BYTES_MAX = 8 * 1024;
const GLASS_BYTES_MAX = 1024;
/** Requests of one member about one version that are tried, newest first: anybody can log any number of them. */
const REQUESTS_MAX = 64;

/** Which halves of the key were released for a request, to this device. */
export interface Releases {
  /** SHA-256 of the request, hex. */
  readonly request: string;
  readonly there: readonly string[];
  readonly missing: readonly string[];
}

/** Where a half lies that was released for a request, for one device. */
export function releaseName({ request, half }: Pick<ReleaseContext, "request" | "half">, reads: string): string {
  return `releases/${request}/${half}/${deviceIdOf(reads)}`;
}

/** Whether readers need a release: the class's key does not open this version's content. */
export function needsRelease({ record }: Pick<SplitVersion, "record">): boolean {
  return halvesFor(record.halves, "release") !== undefined;
}

/**
 * Opens something with the key that was released to this member, trying request after request; undefined where no request
 * has both halves.
 *
 * @param open takes the key, and throws INTEGRITY where it is not the version's
 * @throws CloisterError INTEGRITY where halves were released and none of them fit
 */
export async function withReleasedKey<T>(
  session: Session,
  version: SplitVersion,
  purpose: Split["purpose"],
  open: (key: Buffer) => Promise<T>,
): Promise<T | undefined> {
  const pair = halvesFor(version.record.halves, purpose);
  if (!pair) return undefined;
  let damage: unknown;
  for (const request of await ownRequests(session, version.versionId)) {
    try {
      const shares = await Promise.all(pair.map((half) => released(session, version.versionId, { request, half })));
      const [one, other] = shares;
      if (one && other) return await open(joinHalves(one, other));
    } catch (error) {
      if (!isIntegrity(error)) throw error;
      damage ??= error;
    }
  }
  if (damage === undefined) return undefined;
  throw integrity("the released halves of its key do not fit", {
    why: "one of them is not what an approver released: whoever writes to the store can replace them",
    next: "ask those who approved to approve again: cloister request list",
    cause: damage,
  });
}

/** The metadata key of a version, for those who have its data key by break-glass and not the key of its class. */
export async function metadataByGlass(session: Session, version: SplitVersion): Promise<Buffer | undefined> {
  const { record, versionId } = version;
  return withReleasedKey(session, version, "glass", async (key) => {
    const file = await session.store.get(wrapName(record, versionId, GLASS_WRAP), GLASS_BYTES_MAX);
    if (!file) throw integrity("its metadata key is missing from the store");
    return openBlob(key, glassContext(contextOfVersion(record)), file, "metadata key of a version");
  });
}

/** Whether both halves of some request lie there: whether they are genuine is another question. */
export async function isReleasedToMe(session: Session, version: SplitVersion): Promise<boolean> {
  return (await releasesOf(session, version)).some(({ missing }) => missing.length === 0);
}

/** How far each request of this member went, newest first. */
export async function releasesOf(
  session: Session,
  { record, versionId }: SplitVersion,
  purpose: Split["purpose"] = "release",
): Promise<readonly Releases[]> {
  const pair = halvesFor(record.halves, purpose) ?? [];
  const { reads } = await session.device();
  const found: Releases[] = [];
  for (const request of await ownRequests(session, versionId)) {
    const there: string[] = [];
    for (const half of pair)
      if (await session.store.range(releaseName({ request, half }, reads), 0, 1)) there.push(half);
    found.push({ request, there, missing: pair.filter((half) => !there.includes(half)) });
  }
  return found;
}

/** Hashes of the requests about a version that this member logged. What they are worth, the guard decided before. */
async function ownRequests(session: Session, versionId: string): Promise<readonly string[]> {
  const { id } = await session.me();
  const hashes = session.ledger.index.about(versionId).flatMap(({ event, member }) => {
    const request = event.facts?.["request"];
    const asked = event.phase === "done" && REQUESTING.includes(event.action) && member === id;
    return asked && typeof request === "string" && SHA256.test(request) ? [request] : [];
  });
  return [...new Set(hashes.reverse())].slice(0, REQUESTS_MAX);
}

const REQUESTING: readonly string[] = ["request.create", "break-glass.invoke"];

async function released(
  session: Session,
  versionId: string,
  { request, half }: { readonly request: string; readonly half: string },
): Promise<Buffer | undefined> {
  const { ageSecret, reads } = await session.identity();
  const context = { project: session.config.project, versionId, half, request };
  const file = await session.store.get(releaseName(context, reads), RELEASED_BYTES_MAX);
  return file && openReleased(ageSecret, context, file);
}
