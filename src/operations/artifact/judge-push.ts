// Whether a push was one that its pusher was allowed, by the policy and the log at its position: what every reader asks.
import type { LoggedEvent } from "../../audit/taken.ts";
import { CloisterError, explained, integrity } from "../../base/errors.ts";
import { decide } from "../../policy/decide.ts";
import { covers } from "../../policy/entitlements.ts";
import { splitsOf } from "../../policy/key-halves.ts";
import type { Field, Policy } from "../../policy/schema.ts";
import { factsFor } from "../governance/facts.ts";
import { judge, refusalText } from "../governance/judge.ts";
import type { Session } from "../session.ts";
import type { Header } from "./artifact-seal.ts";
import { crossingOf, type LoggedCrossing } from "./crossing.ts";
import { foreignMount, labelOf, ranIn, rank } from "./label.ts";
import { floorOf, floorText } from "./label-floor.ts";
import type { VersionRecord } from "./version-record.ts";

/** A push as the log has it. */
export interface Push {
  readonly pusher: string;
  readonly intent: LoggedEvent;
  readonly entry: number;
  readonly timeMs: number;
}

/** Why the pusher was not allowed this push, under the policy and the label at that position of the log. */
export async function whyNotEntitled(
  session: Session,
  record: VersionRecord,
  header: Header,
  push: Push,
): Promise<string | undefined> {
  const { compiled } = await session.ledger.policy(record.policy);
  const unsplit = whyNotSplit(compiled.policy, record, header.kind);
  if (unsplit !== undefined) return unsplit;
  const crossing = crossingOf(session.ledger, push.intent, record);
  const unfit = await whyNotCrossed(session, crossing, { record, header, push });
  if (typeof crossing === "string" || unfit !== undefined) return unfit;
  const request = pushRequest(session, compiled.policy, header, push, crossing);
  const { action, kind, purpose } = request;
  const { domain, class: klass, epoch } = record;
  const { timeMs: now, entry: before } = push.intent;
  const about = { action, domain, class: klass, kind, versionId: undefined, purpose };
  const governance = await factsFor(session, compiled.policy, push.pusher, { ...about, now, before, said: {} });
  const decision = await decide(compiled, {
    ...{ ...request, member: push.pusher, now, domain, class: klass, epoch, governance },
  });
  if (decision.allow) return whyNoMore(session, record, push);
  const [refusal] = decision.refusals;
  return `${push.pusher} was not allowed to push it${refusal ? `: ${refusal.rule}: ${refusal.why}` : ""}`;
}

/** An intent must not be kept until its signer may not push there any more: the roles are asked again where the push ends. */
async function whyNoMore(session: Session, { domain, class: klass, policy }: VersionRecord, push: Push) {
  const ended = session.ledger.operation(push.intent.keyId, push.intent.event.operation)?.done?.event.policy ?? policy;
  if (ended === policy) return undefined;
  const { compiled } = await session.ledger.policy(ended);
  if (covers(compiled.policy, push.pusher, "artifact.push", { domain, class: klass })) return undefined;
  return `${push.pusher} might not push there any more when it ended, under policy v${String(ended)}`;
}

/** Keys are split just as the policy said, or else somebody could read who may not, or nobody who may. */
function whyNotSplit(policy: Policy, { domain, class: klass, halves = [] }: VersionRecord, kind: string) {
  try {
    const expected = splitsOf(policy, { domain, class: klass, kind }).flatMap((split) => split.halves);
    if (expected.sort().join() === halves.map(({ half }) => half).join()) return undefined;
    return `its data key is not split as policy version ${String(policy.version)} says`;
  } catch (error) {
    if (error instanceof CloisterError) return explained(error);
    throw error;
  }
}

/**
 * Why data of another domain, or of a higher class, may not stand here: nothing crosses without an export, and nothing
 * comes down without a declassification, that its signer was allowed.
 */
async function whyNotCrossed(
  session: Session,
  crossing: ReturnType<typeof crossingOf>,
  { record, header, push }: { readonly record: VersionRecord; readonly header: Header; readonly push: Push },
): Promise<string | undefined> {
  const { intent, entry, pusher } = push;
  const { workspace } = intent.event;
  const mount =
    workspace === undefined
      ? undefined
      : foreignMount(session.ledger, { workspace, keyId: intent.keyId }, record.domain, entry);
  if (mount) return `${pusher} made it with data of another domain (log #${String(mount.entry)})`;
  if (crossing === undefined) return undefined;
  if (typeof crossing === "string") return `${pusher} brought it over, and ${crossing}`;
  // What else was mounted there could be in it.
  if (workspace !== undefined) return `${pusher} brought it over, and made it in a workspace`;
  const refusal = await judge(session, crossing.act, {
    kind: header.kind,
    effect: session.ledger.operation(intent.keyId, intent.event.operation)?.done,
  });
  const from = crossing.way === "export" ? "from another domain" : "from a higher class";
  return refusal && `${pusher} brought it over ${from}: ${refusalText(crossing.act, refusal)}`;
}

function pushRequest(
  session: Session,
  { classifications, labelFloor }: Policy,
  header: Header,
  { intent, entry, pusher }: Push,
  crossing: LoggedCrossing | undefined,
) {
  const { workspace } = intent.event;
  if (workspace !== header.workspace) throw integrity("its header and the log name different workspaces");
  const { kind, purpose, justification, owner, licence } = header;
  const fields = declaredFields({ owner, licence, purpose, justification });
  const owned = workspace === undefined ? undefined : { workspace, keyId: intent.keyId };
  // What is mounted between a push's intent and its end may be in what is pushed.
  const source = crossing ?? (owned && labelOf(session.ledger, owned, classifications, entry));
  const provenance = crossing?.ran || (owned && ranIn(session.ledger, owned, intent.entry)) ? "run" : "none";
  const at = { member: pusher, before: intent.entry, timeMs: intent.timeMs, classifications };
  const isBounded = provenance === "none" && crossing === undefined;
  const floor = labelFloor && isBounded ? floorOf(session.ledger, { ...at, floorMs: labelFloor.ms }) : undefined;
  const isFloor = rank(classifications, floor?.class) > rank(classifications, source?.class);
  const label =
    isFloor && floor
      ? { class: floor.class, from: floorText(floor) }
      : source && { class: source.class, from: `version ${source.versionId.slice(0, 12)}` };
  return {
    action: "artifact.push" as const,
    kind,
    fields,
    provenance: provenance as "run" | "none",
    // A login is checked where the person logs in; who reads later has nothing to check it by.
    mfaAgeMs: 0,
    purpose,
    ...(justification === undefined ? {} : { justification }),
    ...(label === undefined ? {} : { label }),
  };
}

/** Names of what a push declares, as the policy asks for them. */
export function declaredFields(given: Readonly<Record<Field, string | undefined>>): readonly string[] {
  return Object.entries(given).flatMap(([field, value]) => (value === undefined ? [] : [field]));
}
