// Prune: what is past the time that the policy keeps it is retired, and where the policy says so, its keys are destroyed.
import { CloisterError, explained } from "../../base/errors.ts";
import { covers } from "../../policy/entitlements.ts";
import { type Ask, perform } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { DueVersion, PruneVersionsOptions, VersionsPruned } from "../types.ts";
import { type Due, describeDue, dueIn } from "./due.ts";
import { endAsk } from "./end.ts";
import { shredLogged } from "./shred.ts";

/**
 * Each version is an operation of its own, decided and logged; one that may not be ended does not keep the others.
 * @throws CloisterError UNAVAILABLE, INTERRUPTED
 */
export async function pruneVersions(session: Session, options: PruneVersionsOptions): Promise<VersionsPruned> {
  await session.sync();
  const me = await session.me();
  const { policy } = (await session.policy()).compiled;
  const mine = (place: { readonly domain: string; readonly class: string }) =>
    covers(policy, me.id, "artifact.retire", place);
  const all = await dueIn(session, policy, await session.clock(), mine);
  const due = all.filter(({ logged }) => options.only?.includes(logged.versionId) ?? true);
  const described = await Promise.all(due.map((each) => describeDue(session, each)));
  const pruned: VersionsPruned = {
    due: described,
    retired: [],
    shredded: [],
    left: [],
    dryRun: options.dryRun === true,
  };
  if (options.dryRun) return pruned;
  const [retired, shredded, left]: [string[], string[], VersionsPruned["left"][number][]] = [[], [], []];
  for (const [at, each] of due.entries()) {
    const shown = described[at] as DueVersion;
    const { versionId, reference } = shown;
    try {
      if (!each.fate.retired && !each.fate.shredded) {
        await retire(session, each.logged, shown);
        retired.push(versionId);
      }
      if (each.what === "retire") continue;
      await shredLogged(session, each.logged, { reference: nameFor(shown), justification: reason(shown) });
      shredded.push(versionId);
    } catch (error) {
      if (!(error instanceof CloisterError) || !GOES_ON.includes(error.code)) throw error;
      left.push({ versionId, reference, why: explained(error) });
    }
  }
  return { ...pruned, retired, shredded, left };
}

/** What keeps one version from being ended, and says nothing about the next. */
const GOES_ON: readonly string[] = ["POLICY_DENIED", "USAGE", "NOT_FOUND", "APPROVAL_PENDING"];

async function retire(session: Session, { versionId }: LoggedVersion, due: DueVersion): Promise<void> {
  const record = { domain: due.domain, class: due.class };
  const kind = { done: "retired", action: "artifact.retire", retire: "retire" } as const;
  const ask: Ask = endAsk({ record, versionId }, nameFor(due), kind, reason(due));
  await perform(session, ask, async () => ({ result: undefined, outcome: { facts: ask.facts ?? {} } }));
}

function nameFor({ reference, domain, versionId }: DueVersion): string {
  return reference ?? `${domain}/(version ${versionId.slice(0, 12)})`;
}

function reason({ stage, class: klass, since, dueAt, line }: DueVersion): string {
  const where = stage === undefined ? `class ${klass}` : `stage ${stage}, class ${klass}`;
  return `retention of the policy, line ${String(line)}: ${where}, since ${since}, due ${dueAt}`;
}

/** Due versions that this member could end, for a reminder. */
export async function dueForMe(session: Session): Promise<readonly Due[]> {
  const { policy } = (await session.policy()).compiled;
  const me = await session.me();
  return dueIn(session, policy, session.host.now(), (place) => covers(policy, me.id, "artifact.retire", place));
}
