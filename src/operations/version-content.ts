// The files of a version, decrypted and checked as they are read.
import { CloisterError } from "../base/errors.ts";
import { parseTree } from "../content/parse-tree.ts";
import { readContent, type StoredFile } from "../content/read.ts";
import type { Tree } from "../content/tree.ts";
import { readPart } from "./artifact-seal.ts";
import { isCondemned } from "./commit-version.ts";
import type { Session } from "./session.ts";
import { contextOfVersion, keyOfVersion, sealName, type Version } from "./versions.ts";

/** Where the packs of a class lie. */
export function packPlace(session: Session, place: { readonly domain: string; readonly class: string }) {
  return {
    store: session.store,
    prefix: `packs/${place.domain}/${place.class}/`,
    condemned: (id: string) => isCondemned(session, id),
  };
}

/** The tree of a version; undefined where this member holds no key for it. @throws CloisterError INTEGRITY */
export async function treeOf(session: Session, { record, versionId }: Version): Promise<Tree | undefined> {
  const key = await keyOfVersion(session, record, versionId, "data");
  if (!key) return undefined;
  const part = { name: "tree", of: record.seal } as const;
  return parseTree(await readPart(session.store, sealName(record, versionId), part, key, contextOfVersion(record)));
}

/** @throws CloisterError POLICY_DENIED (no key), INTEGRITY naming the file, while reading */
export async function contentOf(session: Session, version: Version): Promise<AsyncIterable<StoredFile>> {
  const { record, header } = version;
  const tree = await treeOf(session, version);
  if (!tree) {
    throw new CloisterError("POLICY_DENIED", `read ${header.name}`, {
      why: `you hold no key of class ${record.class}`,
    });
  }
  const { host } = session;
  return readContent(tree, packPlace(session, record), {
    signal: host.signal,
    progress: ({ bytes }) => host.progress({ step: "fetching", bytes, bytesTotal: header.bytes }),
  });
}
