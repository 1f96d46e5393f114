// Words that lead to versions of an artifact and can be moved: the last that was logged by somebody entitled counts.
import type { LoggedEvent } from "../../audit/taken.ts";
import { SHA256 } from "../../base/record.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";
import { factText } from "./fact-text.ts";
import { happenedTo } from "./happened.ts";
import { judge, refusalText } from "./judge.ts";

/** Where a tag leads now. */
export interface Tagged {
  readonly tagId: string;
  readonly version: LoggedVersion;
  /** The entry by which it leads there. */
  readonly since: LoggedEvent;
  /** The entry by which it first led anywhere: what was given the word as a label before that goes first. */
  readonly first: LoggedEvent;
}

/** The tags of an artifact, and what was logged of tags and does not count. */
export async function tagsOf(
  session: Session,
  artifact: Pick<LoggedVersion, "domain" | "nameId">,
): Promise<{ readonly tags: readonly Tagged[]; readonly ignored: readonly Ignored[] }> {
  const { ledger } = session;
  const moves = ledger
    .versionsOf(artifact.domain, artifact.nameId)
    .flatMap((version) => happenedTo(ledger, version.versionId, "artifact.tag").map((move) => ({ ...move, version })))
    .sort((a, b) => a.done.entry - b.done.entry);
  const tags = new Map<string, Tagged>();
  const ignored: Ignored[] = [];
  for (const { intent, done, version } of moves) {
    const tagId = factText(intent.event, "tagId") ?? "";
    const wrong = SHA256.test(tagId) ? undefined : "it names no tag";
    // Of any kind: whoever moves a tag is asked the same.
    const refusal = wrong === undefined ? await judge(session, intent, { effect: done }) : undefined;
    const why = wrong ?? (refusal && refusalText(intent, refusal));
    if (why !== undefined) ignored.push({ what: `a tag by ${done.member} (#${String(done.entry)})`, why });
    else tags.set(tagId, { tagId, version, since: done, first: tags.get(tagId)?.first ?? done });
  }
  return { tags: [...tags.values()], ignored };
}
