// What the policy in force would say to somebody, and what that rests on. Nothing is done or logged.
import { CloisterError } from "../../base/errors.ts";
import { ACTIONS, type Action, isAction } from "../../policy/actions.ts";
import { type DecisionRequest, decide } from "../../policy/decide.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import { type Member, memberOf, type Policy } from "../../policy/schema.ts";
import { secondFactorFor } from "../decision.ts";
import { factsOf } from "../governance/facts.ts";
import type { Session } from "../session.ts";
import type { Explained, ExplainedAbout, ExplainOptions } from "../types.ts";
import { openWorkspaces } from "../workspace/open-workspaces.ts";
import { loadAnswers, saveAnswers } from "./answer-memory.ts";
import { restsOn } from "./explain-rests-on.ts";

/**
 * @throws CloisterError USAGE, NOT_FOUND (no such member or version), INTEGRITY (a version that does not count),
 * POLICY_DENIED (a reference into a domain whose names this device cannot read)
 */
export async function explainPolicy(session: Session, options: ExplainOptions): Promise<Explained> {
  await session.sync();
  const { compiled } = await session.policy();
  const { policy } = compiled;
  const action = checkAction(options.action);
  const member = await memberAsked(session, policy, options.as);
  const about = options.reference === undefined ? undefined : await aboutOf(session, action, options.reference);
  const question = await questionOf(session, policy, member, { ...options, action, about });
  const answers = await loadAnswers(session.places.cache);
  const decision = await decide(compiled, question, answers);
  const rests = decision.allow ? await restsOn(question, (each) => decide(compiled, each, answers)) : [];
  await saveAnswers(session.places.cache, answers);
  const { allow, by, refusals, enforcement } = decision;
  const lacksApproval = !allow && refusals.every(({ missing }) => missing === "approval");
  return {
    ...{ lacksApproval, member: member.id, action, allow, policyVersion: policy.version, by, refusals, enforcement },
    ...{ about: about && { ...about, stage: question.governance?.stage }, restsOn: rests },
    notKnown: notKnown(policy, action, options, about),
  };
}

function checkAction(action: string): Action {
  if (isAction(action)) return action;
  const near = ACTIONS.filter((known) => known.includes(action) || action.includes(known.split(".")[1] ?? known));
  throw new CloisterError("USAGE", `there is no action ${action}`, {
    next: near.length > 0 ? `did you mean ${near.join(", ")}?` : `actions: ${ACTIONS.join(", ")}`,
  });
}

async function memberAsked(session: Session, policy: Policy, as: string | undefined): Promise<Member> {
  const found = as === undefined ? await session.me() : memberOf(policy, as);
  if (found) return found;
  throw new CloisterError("NOT_FOUND", `there is no member ${as ?? ""}`, { next: "cloister member list" });
}

async function aboutOf(session: Session, action: Action, reference: string): Promise<ExplainedAbout> {
  return (await import("./explain-about.ts")).aboutOf(session, action, reference);
}

interface Asked extends Omit<ExplainOptions, "action"> {
  readonly action: Action;
  readonly about: ExplainedAbout | undefined;
}

async function questionOf(session: Session, policy: Policy, member: Member, asked: Asked): Promise<DecisionRequest> {
  const { action, about, purpose } = asked;
  const now = await session.store.now();
  const [onlyDomain] = policy.domains.length === 1 ? policy.domains : [];
  const place = {
    domain: about?.domain ?? asked.domain ?? onlyDomain?.id,
    class: about?.class ?? asked.class,
  };
  const kind = about ? about.kind : (asked.kind ?? (action === "artifact.push" ? "dataset" : undefined));
  // Others' logins are on their own devices.
  const factor = asked.as === undefined ? await secondFactorFor(session, policy, member, action, now) : undefined;
  const said = asked.to === undefined ? {} : await saidBy(session, action, asked.to);
  const governance = await factsOf({
    ...{ session, policy, member, action, ...place, kind, versionId: about?.versionId, purpose, now, said },
    before: session.ledger.events.length,
  });
  return {
    ...{ action, member: member.id, now, ...place, governance, reference: asked.reference },
    kind,
    ...{ purpose, justification: asked.justification, ttlMs: asked.ttlMs },
    openWorkspaces: openWorkspaces(session.ledger, member.id, now),
    ownWorkspace: true,
    // What a push would write with, so that only what the person controls can refuse it.
    epoch: policy.domains.find(({ id }) => id === place.domain)?.epoch,
    mfaAgeMs: factor?.ageMs,
  };
}

/** What `--to` means of an action. @throws CloisterError USAGE for an action that leads nowhere, or no such place */
async function saidBy(session: Session, action: Action, to: string): Promise<GovernanceFacts> {
  if (action === "artifact.promote") return { toStage: to };
  if (action === "artifact.declassify") return { toClass: to };
  if (action === "artifact.export" || action === "share.create") {
    const { destinationOf } = await import("../export/destination.ts");
    return { destination: (await destinationOf(session.host, to)).text };
  }
  throw new CloisterError("USAGE", `${action} leads nowhere`, {
    why: "--to is for artifact.promote, artifact.declassify, artifact.export and share.create",
    next: "leave it out",
  });
}

/** What this device cannot tell, and how it was taken. */
function notKnown(
  policy: Policy,
  action: Action,
  { as, kind }: ExplainOptions,
  about: ExplainedAbout | undefined,
): readonly string[] {
  const missing: string[] = [];
  if (as !== undefined && policy.mfaWithin.some((each) => each.action === action)) {
    missing.push(`whether ${as} logged in with a second factor: taken as if not`);
  }
  if (about && about.kind === undefined && kind === undefined) {
    missing.push(
      "the kind of the artifact, because you hold no key of its class: rules for any kind are taken to apply",
    );
  }
  return missing;
}
