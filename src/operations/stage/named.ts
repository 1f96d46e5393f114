// What a word behind a name leads to: a stage, a label, or a tag.
import { readVersionAt } from "../artifact/versions.ts";
import { labelIdOf } from "../class-keys.ts";
import { happenedTo } from "../governance/happened.ts";
import { standingOf } from "../governance/stage.ts";
import type { LoggedVersion } from "../ledger.ts";
import { fateOf } from "../retention/fate.ts";
import type { Session } from "../session.ts";
import { labelBefore, type NamedArtifact, tagOf } from "./tag-words.ts";

/**
 * The version that `name:word` means now. Stages go first, because they say more than a word that somebody chose; between
 * a label and a tag the one that was there first counts, so that neither can be taken over by the other.
 */
export async function namedBy(
  session: Session,
  artifact: NamedArtifact,
  word: string,
): Promise<LoggedVersion | undefined> {
  const { policy } = (await session.policy()).compiled;
  if (policy.stages.includes(word)) return newestIn(session, artifact, word);
  const { domain, nameId, name, nameKey } = artifact;
  const tag = await tagOf(session, artifact, word);
  if (!tag) return session.ledger.labelled(domain, nameId, labelIdOf(nameKey, name, word));
  return labelBefore(session, artifact, word, tag) ?? tag.version;
}

/**
 * The version that came to a stage last, and is there now; in the first stage, the last that was pushed. Versions that do
 * not count or were retired are passed over; one that is damaged, or that the member cannot open, is not: an older one must
 * not quietly be taken for it.
 */
async function newestIn(session: Session, artifact: NamedArtifact, stage: string): Promise<LoggedVersion | undefined> {
  const there: { readonly version: LoggedVersion; readonly entry: number }[] = [];
  for (const version of session.ledger.versionsOf(artifact.domain, artifact.nameId)) {
    const standing = await standingIn(session, artifact, version);
    if (standing?.stage === stage) there.push({ version, entry: standing.since.entry });
  }
  for (const { version } of there.sort((a, b) => b.entry - a.entry)) {
    if ((await fateOf(session, version.versionId)).retired) continue;
    const judged = await readVersionAt(session, version, artifact.nameKey);
    if (judged.kind === "accepted" || judged.kind === "hidden") return version;
    if (judged.kind === "ignored" && judged.damaged) return version;
  }
  return undefined;
}

/** Rules may be about a kind of artifact, which the version's header says to those who can open it. */
async function standingIn(session: Session, { nameKey }: NamedArtifact, version: LoggedVersion) {
  const { policy } = (await session.policy()).compiled;
  const { versionId } = version;
  if (happenedTo(session.ledger, versionId, "artifact.promote").length === 0) {
    return standingOf(session, versionId, { policy });
  }
  const judged = await readVersionAt(session, version, nameKey);
  const kind = judged.kind === "accepted" ? judged.version.header.kind : undefined;
  return standingOf(session, versionId, { policy, kind });
}
