// Which versions are past the time that the policy keeps them: the shorter of stage and class, counted from when a version
// came into its stage.
import { KINDS } from "../../policy/actions.ts";
import type { Policy } from "../../policy/schema.ts";
import { versionNamed } from "../artifact/named.ts";
import { referenceTo } from "../artifact/versions.ts";
import { happenedTo } from "../governance/happened.ts";
import { standingOf } from "../governance/stage.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { DueVersion } from "../types.ts";
import { type Fate, fateOf } from "./fate.ts";

/** A due version and what the log says of it. */
export interface Due {
  readonly logged: LoggedVersion;
  readonly fate: Fate;
  readonly what: "retire" | "shred-keys";
  readonly stage: string | undefined;
  readonly sinceMs: number;
  readonly dueMs: number;
  /** Line of the policy. */
  readonly line: number;
}

/**
 * Everything that is due at a time, in the log's order. What was done already is not.
 * @param among looks only at these: who cannot do anything about a version need not know of it
 */
export async function dueIn(
  session: Session,
  policy: Policy,
  now: number,
  among: (place: { readonly domain: string; readonly class: string }) => boolean,
): Promise<readonly Due[]> {
  const { retention } = policy;
  if (!retention) return [];
  const due: Due[] = [];
  for (const { id: domain } of policy.domains) {
    for (const nameId of session.ledger.artifactsIn(domain)) {
      for (const logged of session.ledger.versionsOf(domain, nameId)) {
        const place = { domain, class: logged.done.event.class ?? "" };
        const found = among(place) ? await dueAt(session, policy, logged, now) : undefined;
        if (found) due.push(found);
      }
    }
  }
  return due.sort((a, b) => a.logged.done.entry - b.logged.done.entry);
}

async function dueAt(session: Session, policy: Policy, logged: LoggedVersion, now: number): Promise<Due | undefined> {
  const { versionId, done } = logged;
  // No version is in a stage for longer than it exists: for most there is nothing to look up.
  const bounds = [...boundsOf(policy, logged, undefined), ...(policy.retention?.stages ?? [])];
  if (now < done.timeMs + Math.min(...bounds.map(({ keepMs }) => keepMs))) return undefined;
  const ends: Awaited<ReturnType<typeof endOf>>[] = [];
  for (const kind of await kindsOf(session, versionId)) ends.push(await endOf(session, policy, logged, kind));
  // Where one of the kinds that it can be of says later, or never, it is not to be lost.
  if (ends.some((end) => end === undefined || now < end.dueMs)) return undefined;
  const [end] = ends.sort((a, b) => (b?.dueMs ?? 0) - (a?.dueMs ?? 0));
  if (!end) return undefined;
  const fate = await fateOf(session, versionId);
  const what = policy.retention?.after ?? "retire";
  const isDone = what === "retire" ? fate.retired !== undefined : fate.shredded?.done !== undefined;
  if (isDone || fate.shredded?.done) return undefined;
  return { logged, fate, what, ...end };
}

/** Until when a version is kept, if it is of this kind: rules about a kind decide which promotions count. */
async function endOf(
  session: Session,
  policy: Policy,
  logged: LoggedVersion,
  kind: string | undefined,
): Promise<Pick<Due, "stage" | "sinceMs" | "dueMs" | "line"> | undefined> {
  const standing = await standingOf(session, logged.versionId, { policy, kind });
  const sinceMs = standing?.since.timeMs ?? logged.done.timeMs;
  const [bound] = [...boundsOf(policy, logged, standing?.stage)].sort((a, b) => a.keepMs - b.keepMs);
  return bound && { stage: standing?.stage, sinceMs, dueMs: sinceMs + bound.keepMs, line: bound.line };
}

/** Of which kind a promoted version is: all, for those who cannot open its header. */
async function kindsOf(session: Session, versionId: string): Promise<readonly (string | undefined)[]> {
  if (happenedTo(session.ledger, versionId, "artifact.promote").length === 0) return [undefined];
  const version = await versionNamed(session, versionId);
  return version ? [version.header.kind] : KINDS;
}

/** What bounds the time of a version: its class, and its stage where that is known. */
function boundsOf({ retention }: Policy, { done }: LoggedVersion, stage: string | undefined) {
  const { class: klass } = done.event;
  return [
    ...(retention?.classes ?? []).filter((each) => each.class === klass),
    ...(retention?.stages ?? []).filter((each) => each.stage === stage),
  ];
}

/** A due version as people see it. */
export async function describeDue(session: Session, due: Due): Promise<DueVersion> {
  const { logged, fate, what, stage, sinceMs, dueMs, line } = due;
  const version = await versionNamed(session, logged.versionId);
  const { retired, held } = fate;
  return {
    ...{ reference: version && referenceTo(version), versionId: logged.versionId, domain: logged.domain },
    ...{ class: logged.done.event.class ?? "", number: logged.number, stage, line, what },
    ...{ since: new Date(sinceMs).toISOString(), dueAt: new Date(dueMs).toISOString() },
    ...{ retired: retired !== undefined, held: held !== undefined },
  };
}
