// The files of a version, decrypted and checked as they are read.
import { CloisterError, integrity } from "../../base/errors.ts";
import { folderDigests } from "../../base/folder-digests.ts";
import { type PathUse, parseTree } from "../../content/parse-tree.ts";
import { readContent, type StoredContent } from "../../content/read.ts";
import type { Tree } from "../../content/tree.ts";
import { KmsRefused } from "../../keys/kms.ts";
import { notReleased } from "../release/pending.ts";
import { needsRelease, withReleasedKey } from "../release/released-key.ts";
import type { Session } from "../session.ts";
import { condemnedPacks } from "../store/reliance.ts";
import { type Header, readPart } from "./artifact-seal.ts";
import { contextOfVersion, sealName, type VersionRecord } from "./version-record.ts";
import { keyOfVersion, named, referenceTo, refusedByKms, type Version } from "./versions.ts";

/** Where the packs of a class lie. */
export function packPlace(session: Session, place: { readonly domain: string; readonly class: string }) {
  return {
    store: session.store,
    prefix: `packs/${place.domain}/${place.class}/`,
    condemned: () => condemnedPacks(session),
  };
}

/**
 * The tree of a version; undefined where this member holds no key for it, and where others release it for each request.
 * @param use what its paths are for
 * @throws CloisterError INTEGRITY
 */
export async function treeOf(session: Session, version: Version, use?: PathUse): Promise<Tree | undefined> {
  const key = await keyOfVersion(session, version.record, version.versionId, "data");
  return key && openTree(session, version, key, use);
}

async function openTree(
  session: Session,
  { record, versionId, header }: Version,
  key: Buffer,
  use?: PathUse,
): Promise<Tree> {
  const part = { name: "tree", of: record.seal } as const;
  const sealed = await readPart(session.store, sealName(record, versionId), part, key, contextOfVersion(record));
  const tree = parseTree(sealed, use);
  checkTree(tree, record, header);
  return tree;
}

/**
 * All three are signed by the pusher, who may be hostile: the digest that was shown, decided and pinned must be the
 * content's, and the packs that are kept from garbage collection those that are needed.
 */
function checkTree(tree: Tree, record: VersionRecord, header: Header): void {
  const files = tree.files.filter((file) => file.kind !== "directory");
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const { dirHash } = folderDigests(files);
  if (dirHash !== header.dirHash || files.length !== header.files || bytes !== header.bytes) {
    throw integrity(`${header.name} holds other files than it says`, { why: "its tree and its header differ" });
  }
  const packs = (list: readonly { readonly id: string; readonly bytes: number }[]) =>
    list
      .map(({ id, bytes: size }) => `${id} ${String(size)}`)
      .sort()
      .join();
  if (packs(tree.packs) !== packs(record.packs)) throw integrity(`${header.name} names other packs than it needs`);
}

/**
 * The tree of a version, for whoever was permitted to read it.
 * @throws CloisterError POLICY_DENIED (no key, or no release of it), APPROVAL_PENDING (it is being released), INTEGRITY
 */
export async function requireTree(session: Session, version: Version): Promise<Tree> {
  const { record, header } = version;
  const name = referenceTo(version);
  const tree = await anyTreeOf(session, version).catch((error: unknown) => {
    throw named(error, name);
  });
  if (tree) return tree;
  if (needsRelease(version)) throw await notReleased(session, version, name);
  throw new CloisterError("POLICY_DENIED", `read ${header.name}`, {
    why: `you hold no key of class ${record.class}`,
  });
}

/**
 * The files of a version.
 * @param step what they are read for, as people are told
 * @param part its tree, where that is at hand already, maybe with some of its files only: no others are read
 * @throws CloisterError as {@link requireTree}; INTEGRITY naming the file, while reading
 */
export async function contentOf(
  session: Session,
  version: Version,
  part?: Tree,
  step = "fetching",
): Promise<StoredContent> {
  const { host } = session;
  const tree = part ?? (await requireTree(session, version));
  const bytesTotal = tree.files.reduce((sum, file) => sum + file.bytes, 0);
  return readContent(tree, packPlace(session, version.record), {
    signal: host.signal,
    progress: ({ bytes }) => host.progress({ step, bytes, bytesTotal }),
    artifact: referenceTo(version),
  });
}

/** By the key of the class, by one that was released, or by broken glass: the guard asked before whether it may be. */
async function anyTreeOf(session: Session, version: Version): Promise<Tree | undefined> {
  const open = (key: Buffer) => openTree(session, version, key);
  const own = await treeOf(session, version).catch(refusedByKms);
  if (own && !(own instanceof KmsRefused)) return own;
  const given =
    (await withReleasedKey(session, version, "release", open)) ??
    (await withReleasedKey(session, version, "glass", open));
  if (given || !own) return given;
  throw own;
}
