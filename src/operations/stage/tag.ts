// Tag: a word leads to a version from now on.
import { CloisterError } from "../../base/errors.ts";
import { checkLabel } from "../../base/name.ts";
import { resolve } from "../artifact/resolve.ts";
import { referenceTo } from "../artifact/versions.ts";
import { nameIdOf, tagIdOf } from "../class-keys.ts";
import { judge, refusalText } from "../governance/judge.ts";
import type { Tagged } from "../governance/tags.ts";
import { type Ask, begin, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { TagOptions, TagSet } from "../types.ts";
import { keepWord, labelBefore, type NamedArtifact, tagOf } from "./tag-words.ts";

/**
 * Points a tag at a version, wherever it led before.
 * @throws CloisterError USAGE (a stage, a label of the artifact, or no word for a tag), NOT_FOUND, POLICY_DENIED (logged)
 */
export async function tag(session: Session, options: TagOptions): Promise<TagSet> {
  await session.sync();
  const word = checkLabel(options.tag);
  const version = await resolve(session, options.reference, { action: "artifact.tag" });
  const { record, versionId, header } = version;
  const nameKey = await session.keys.requireNameKey(record.domain);
  const nameId = nameIdOf(nameKey, header.name);
  const artifact: NamedArtifact = { domain: record.domain, nameId, name: header.name, nameKey };
  const before = await tagOf(session, artifact, word);
  await checkFree(session, artifact, word, before);
  const reference = referenceTo(version);
  const set = { reference, versionId, tag: word, from: before && `v${String(before.version.number)}` };
  if (before?.version.versionId === versionId) {
    return { ...set, by: before.since.member, logEntry: before.since.entry, dryRun: false };
  }
  const ask: Ask = {
    ...{ title: `tag ${reference} as ${word}`, action: "artifact.tag", reference, versionId },
    ...{ domain: record.domain, class: record.class },
    facts: { tagId: tagIdOf(nameKey, header.name, word) },
    sealed: { artifact: reference, tag: word },
  };
  const { id: by } = await session.me();
  await (options.dryRun ? wouldPermit : permit)(session, ask);
  if (options.dryRun) return { ...set, by, logEntry: undefined, dryRun: true };
  const operation = await begin(session, ask);
  await keepWord(session, artifact, word).catch(async (error: unknown) => {
    await operation.failed(error);
    throw error;
  });
  const done = await operation.done();
  const refusal = await judge(session, operation.intent, { effect: done });
  if (!refusal) return { ...set, by, logEntry: done.entry, dryRun: false };
  throw new CloisterError("FAILURE", "the tag is logged, and does not count", {
    why: refusalText(operation.intent, refusal),
    next: "the policy changed meanwhile: cloister policy show",
  });
}

/** A word means one thing: a stage, else the label or the tag that was there first. */
async function checkFree(
  session: Session,
  artifact: NamedArtifact,
  word: string,
  tagged: Tagged | undefined,
): Promise<void> {
  const { stages } = (await session.policy()).compiled.policy;
  if (stages.includes(word)) {
    throw new CloisterError("USAGE", `${word} is a stage`, {
      why: "it leads to what was promoted there last",
      next: `cloister artifact promote ${artifact.name} --to ${word}`,
    });
  }
  const labelled = labelBefore(session, artifact, word, tagged);
  if (!labelled) return;
  throw new CloisterError("USAGE", `${word} is the label of ${artifact.name}:v${String(labelled.number)}`, {
    why: "labels are given once, and lead to the same version for ever",
    next: "choose another word",
  });
}
