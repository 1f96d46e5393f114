// The words of tags: the log knows them by ids, and whoever may see the domain's names may read them.

import { isIntegrity } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import { pad, unpad } from "../../content/padding.ts";
import { labelIdOf, nameIdOf, tagIdOf, tagKeyOf } from "../class-keys.ts";
import { type Tagged, tagsOf } from "../governance/tags.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";

/** A word of at most 128 bytes, padded and sealed. */
const BYTES_MAX = 8192;

/** An artifact whose name is known. */
export interface NamedArtifact {
  readonly domain: string;
  readonly nameId: string;
  readonly name: string;
  readonly nameKey: Buffer;
}

function objectName({ domain, nameId }: Pick<NamedArtifact, "domain" | "nameId">, tagId: string): string {
  return `tags/${domain}/${nameId}/${tagId}`;
}

/** Stores the word of a tag, once; a tag whose word cannot be read works all the same. */
export async function keepWord(session: Session, artifact: NamedArtifact, tag: string): Promise<void> {
  const tagId = tagIdOf(artifact.nameKey, artifact.name, tag);
  const sealed = sealBlob(tagKeyOf(artifact.nameKey), contextOf(session, artifact, tagId), pad(Buffer.from(tag)));
  await session.store.create(objectName(artifact, tagId), [sealed]);
}

/** The word of a tag, where it is kept, is the one that the id was made of, and leads to where the tag does. */
async function wordOf(session: Session, artifact: NamedArtifact, tag: Tagged): Promise<string | undefined> {
  const word = await keptWord(session, artifact, tag.tagId);
  if (word === undefined || labelBefore(session, artifact, word, tag)) return undefined;
  return (await session.policy()).compiled.policy.stages.includes(word) ? undefined : word;
}

async function keptWord(session: Session, artifact: NamedArtifact, tagId: string): Promise<string | undefined> {
  try {
    const sealed = await session.store.get(objectName(artifact, tagId), BYTES_MAX);
    if (!sealed) return undefined;
    const key = tagKeyOf(artifact.nameKey);
    const word = unpad(openBlob(key, contextOf(session, artifact, tagId), sealed, "tag"), "tag").toString("utf8");
    return NAME.test(word) && tagIdOf(artifact.nameKey, artifact.name, word) === tagId ? word : undefined;
  } catch (error) {
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}

function contextOf(session: Session, { domain, nameId }: NamedArtifact, tagId: string): Json {
  return { object: "tag", project: session.config.project, domain, nameId, tagId };
}

/** Tags of artifacts by the ids of the versions that they lead to, and what was logged of tags and does not count. */
export async function tagWords(
  session: Session,
  artifacts: readonly { readonly domain: string; readonly name: string }[],
): Promise<{ readonly words: ReadonlyMap<string, readonly string[]>; readonly ignored: readonly Ignored[] }> {
  const words = new Map<string, readonly string[]>();
  const ignored: Ignored[] = [];
  const distinct = new Map(artifacts.map(({ domain, name }) => [`${domain}/${name}`, { domain, name }]));
  for (const { domain, name } of distinct.values()) {
    const nameKey = await session.keys.requireNameKey(domain);
    const artifact = { domain, name, nameKey, nameId: nameIdOf(nameKey, name) };
    const found = await tagsOf(session, artifact);
    ignored.push(...found.ignored);
    for (const tag of found.tags) {
      const word = await wordOf(session, artifact, tag);
      if (word === undefined) continue;
      const { versionId } = tag.version;
      words.set(versionId, [...(words.get(versionId) ?? []), word].sort());
    }
  }
  return { words, ignored };
}

/** The version that was given the word as a label before any tag was: labels do not change what they mean. */
export function labelBefore(
  session: Session,
  { domain, nameId, name, nameKey }: NamedArtifact,
  word: string,
  tag: Tagged | undefined,
): LoggedVersion | undefined {
  const labelled = session.ledger.labelled(domain, nameId, labelIdOf(nameKey, name, word));
  return labelled && (!tag || labelled.done.entry < tag.first.entry) ? labelled : undefined;
}

/** The tag of this word, wherever it leads. */
export async function tagOf(session: Session, artifact: NamedArtifact, word: string): Promise<Tagged | undefined> {
  const tagId = tagIdOf(artifact.nameKey, artifact.name, word);
  return (await tagsOf(session, artifact)).tags.find((tag) => tag.tagId === tagId);
}
