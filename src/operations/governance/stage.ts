// The stage of a version: what its promotions come to, as far as the log bears them out.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Session } from "../session.ts";
import type { Ignored } from "../types.ts";
import { factText } from "./fact-text.ts";
import type { Act } from "./facts.ts";
import { happenedTo } from "./happened.ts";
import { judge, refusalText } from "./judge.ts";

/** Where a version stands in the policy's stages. */
export interface Standing {
  readonly stage: string;
  /** The entry by which it came there: of its push, or of its last promotion. */
  readonly since: LoggedEvent;
  /** Promotions that were logged and do not count. */
  readonly ignored: readonly Ignored[];
}

/** Stage of the version that an act is about; nothing where the policy has no gates. */
export async function stageOf({ session, policy, versionId, kind, before }: Act): Promise<GovernanceFacts> {
  const standing = versionId === undefined ? undefined : await standingOf(session, versionId, { policy, kind, before });
  return standing ? { stage: standing.stage } : {};
}

/**
 * Folds the promotions of a version, from the first stage: each counts if it leads on from where the version then stood, and
 * if whoever did it was entitled to it. Of two who promote the same step at once, the first to be done is the one that
 * counted, and the other changed nothing.
 *
 * @returns nothing where the policy has no stages, or the log no such version
 */
export async function standingOf(
  session: Session,
  versionId: string,
  at: {
    readonly policy: { readonly stages: readonly string[] };
    readonly kind?: string | undefined;
    readonly before?: number;
  },
): Promise<Standing | undefined> {
  const { before = Number.POSITIVE_INFINITY, kind } = at;
  const [first] = at.policy.stages;
  const pushed = session.ledger.versionById(versionId)?.done;
  if (first === undefined || !pushed || pushed.entry >= before) return undefined;
  let [stage, since]: [string | undefined, LoggedEvent] = [undefined, pushed];
  const ignored: Ignored[] = [];
  for (const { intent, done } of happenedTo(session.ledger, versionId, "artifact.promote", before)) {
    const [from, to] = [factText(intent.event, "stage"), factText(intent.event, "toStage")];
    const what = `a promotion to ${to ?? "no stage"} by ${done.member} (#${String(done.entry)})`;
    if (to === undefined || to === stage) continue;
    // The first stage may be called otherwise by now.
    const stood = stage ?? (await session.ledger.policy(intent.event.policy)).compiled.policy.stages[0];
    if (from !== stood) {
      ignored.push({
        what,
        why: `it leads on from ${from ?? "nowhere"}, and the version was in ${stood ?? "no stage"}`,
      });
      continue;
    }
    const refusal = await judge(session, intent, { kind, effect: done });
    if (refusal) ignored.push({ what, why: refusalText(intent, refusal) });
    else [stage, since] = [to, done];
  }
  return { stage: stage ?? first, since, ignored };
}
