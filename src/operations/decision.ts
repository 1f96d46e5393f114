// What is asked of the policy in force, with the facts that it rests on.
import type { Refusal } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import type { Action } from "../policy/actions.ts";
import { type Decision, type DecisionRequest, decide } from "../policy/decide.ts";
import type { GovernanceFacts } from "../policy/facts.ts";
import type { Member, Policy } from "../policy/schema.ts";
import { rank } from "./artifact/label.ts";
import { floorOf, floorText } from "./artifact/label-floor.ts";
import { factsOf } from "./governance/facts.ts";
import type { SecondFactor } from "./login/state.ts";
import type { Session } from "./session.ts";
import { openWorkspaces } from "./workspace/open-workspaces.ts";

/** What somebody wants to do, with everything the decision may rest on. */
export interface Ask extends Omit<DecisionRequest, "member" | "now" | "openWorkspaces" | "mfaAgeMs"> {
  /** `push risk:1.2`, for the person who is refused. */
  readonly title: string;
  /** Workspace it happens in, for the clear part of the log. */
  readonly workspace?: string | undefined;
  /** Version it is about, where that is known. */
  readonly versionId?: string | undefined;
  /** A push of what the store has already, to which nothing of this device was added: its label is that of its source. */
  readonly fromStore?: boolean | undefined;
  /** The way forward, where the policy's own suggestion would not fit what the person did. */
  readonly next?: string | undefined;
  /** Numbers and digests for the clear part. */
  readonly facts?: { readonly [name: string]: Json | undefined };
  /** Names, justifications and other text for the sealed part. */
  readonly sealed: { readonly [name: string]: string | undefined };
}

/** What a decision rested on besides the request, with the sources that the log is to name. */
export type Evidence = Pick<Ask, "facts" | "sealed">;

export interface Decided {
  readonly decision: Decision;
  /** Version of the policy that decided. */
  readonly policy: number;
  readonly evidence: Evidence;
}

/**
 * Asks the policy in force, with everything that the log tells about the act.
 * @param assumed facts as they might become, for a look ahead; never for a decision that lets something happen
 */
export async function decideNow(session: Session, ask: Ask, assumed: GovernanceFacts = {}): Promise<Decided> {
  const [me, now] = [await session.me(), await session.clock()];
  const { compiled } = await session.policy();
  const { policy } = compiled;
  const open = () => openWorkspaces(session.ledger, me.id, now, ask.workspace);
  const factor = await secondFactorFor(session, policy, me, ask.action, now);
  const gathered = await factsOf({
    ...{ session, policy, member: me, now, before: session.ledger.events.length, said: ask.governance ?? {} },
    ...{ action: ask.action, domain: ask.domain, class: ask.class, kind: ask.kind },
    ...{ versionId: ask.versionId, purpose: ask.purpose },
  });
  const request: DecisionRequest = {
    ...requestOf(ask),
    member: me.id,
    now,
    governance: { ...gathered, ...assumed },
    ...(ask.action === "workspace.create" ? { openWorkspaces: open() } : {}),
    ...(factor === undefined ? {} : { mfaAgeMs: factor.ageMs }),
    ...labelFor(session, policy, ask, { member: me.id, now }),
  };
  const evidence = { facts: { ...factor?.facts, ...sourceOf(gathered) }, sealed: factor?.sealed ?? {} };
  const decision = await decide(compiled, request);
  const refusals = decision.refusals.map((refusal) => ({
    ...refusal,
    ...aboutLabel(policy, refusal.rule, ask, request),
  }));
  return { decision: { ...decision, refusals }, policy: policy.version, evidence };
}

/** With the label that a push has for what its signer took out lately, unless that of its inputs is higher. */
function labelFor(
  { ledger }: Session,
  { labelFloor, classifications }: Policy,
  ask: Ask,
  { member, now }: { readonly member: string; readonly now: number },
): Pick<DecisionRequest, "label"> {
  if (!labelFloor || ask.action !== "artifact.push" || ask.provenance === "run" || ask.fromStore) return {};
  const floor = floorOf(ledger, {
    member,
    before: ledger.events.length,
    timeMs: now,
    floorMs: labelFloor.ms,
    classifications,
  });
  if (!floor || rank(classifications, floor.class) < rank(classifications, ask.label?.class)) return {};
  return { label: { class: floor.class, from: floorText(floor) } };
}

/**
 * Readers know the inputs of a workspace, and what was pulled, from the log; what files carry only this program sees. Where
 * what was pulled decides, it is by a line of the policy.
 */
function aboutLabel({ labelFloor }: Policy, rule: string, ask: Ask, request: DecisionRequest): Partial<Refusal> {
  if (rule !== "builtin:label-flow") return {};
  if (request.label !== ask.label) return labelFloor ? { line: labelFloor.line } : {};
  return ask.workspace === undefined ? { enforcement: "advisory" } : {};
}

/** The request that an act rests on, as its entry in the log names it. */
function sourceOf({ request }: GovernanceFacts): NonNullable<Ask["facts"]> {
  if (!request) return {};
  const { hash, entry, destination, salt } = request;
  return { request: hash, requestEntry: entry, destination, salt };
}

/** The login that counts for an action; looked for only where the policy asks for one. */
export async function secondFactorFor(
  session: Session,
  policy: Policy,
  me: Member,
  action: Action,
  now: number,
): Promise<SecondFactor | undefined> {
  if (!policy.mfaWithin.some((each) => each.action === action)) return undefined;
  return (await import("./login/state.ts")).secondFactorOf(session, policy, me, now);
}

/** The ask with what the decision rested on, for the log. */
export function withEvidence(ask: Ask, evidence: Evidence): Ask {
  return { ...ask, facts: { ...ask.facts, ...evidence.facts }, sealed: { ...ask.sealed, ...evidence.sealed } };
}

function requestOf(ask: Ask): Omit<DecisionRequest, "member" | "now"> {
  const { title: _t, sealed: _s, facts: _f, workspace: _w, versionId: _v, next: _n, fromStore: _o, ...request } = ask;
  return request;
}
