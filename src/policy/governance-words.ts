// What happened before and refuses now, in words: stages, segregation of duties, retired or held versions, lapsed access.
import type { Refusal } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import type { RoleAction } from "./actions.ts";
import { rolesFor } from "./approvals.ts";
import type { PastCondition, SeparateCondition } from "./compiled.ts";
import { cut } from "./consent-words.ts";
import { type DecisionRequest, reference } from "./request.ts";
import { stageOf } from "./requirements.ts";
import type { Member, Policy } from "./schema.ts";
import { listed, withArticle } from "./words.ts";

type Words = Pick<Refusal, "why" | "who" | "next">;
export function governanceWords(
  policy: Policy,
  condition: PastCondition,
  member: Member,
  request: DecisionRequest,
): Words {
  const { action } = request;
  switch (condition.kind) {
    case "separate":
      return separateWords(policy, condition, member, request);
    case "retired":
      return {
        why: "the version is retired",
        who: whoMay(policy, "artifact.restore", member, request),
        next: `cloister artifact restore ${reference(request)}`,
      };
    case "held":
      return {
        why: "the version is under legal hold: its keys must not be destroyed",
        who: whoMay(policy, "artifact.retire", member, request),
        next: `cloister artifact hold ${reference(request)} --release --why "…"`,
      };
    case "service":
      return {
        why: `${member.id} is a service, and ${action} is a person's to do`,
        who: whoMay(policy, action as RoleAction, member, request),
        next: "ask one of them",
      };
    case "gate-order":
      return gateWords(policy, request);
    case "review-lapsed": {
      const { everyMs = 0, by = "" } = policy.accessReview ?? {};
      const reviewers = people(policy).filter(({ id, roles }) => id !== member.id && roles.some((r) => r.role === by));
      return {
        why: `the access of ${member.id} was not confirmed within ${formatDuration(everyMs)}: only reading is left`,
        who: `${withArticle(by)}: ${reviewers.length > 0 ? cut(reviewers.map(({ id }) => id)) : "nobody else"}`,
        next: `ask one of them: cloister member review ${member.id} --keep`,
      };
    }
    case "unreviewed": {
      const others = (policy.breakGlass?.notify ?? []).filter((id) => id !== member.id);
      return {
        why: "the break-glass that you invoked has not been reviewed by anybody else, and no other grant counts until then",
        who: listed(others, "or"),
        next: "ask one of them: cloister break-glass list, then: cloister break-glass review ID --outcome …",
      };
    }
  }
}

/** What somebody did, as `you pushed it`. */
const DID: Readonly<Record<string, string>> = {
  "artifact.push": "pushed it",
  "artifact.promote": "promoted it",
  "artifact.attest": "attested it",
  "artifact.export": "exported it",
  "artifact.declassify": "declassified it",
  "request.create": "asked for it",
  "request.approve": "approved it",
};

function separateWords(
  policy: Policy,
  { who, above }: SeparateCondition,
  member: Member,
  request: DecisionRequest,
): Words {
  const did = DID[who] ?? `did ${who} with it`;
  const where = above === undefined ? "" : ` above ${above}`;
  return {
    why: `you ${did}, and whoever did cannot ${request.action}${where}`,
    who: whoMay(policy, request.action as RoleAction, member, request),
    next: "ask one of them",
  };
}

function gateWords(policy: Policy, request: DecisionRequest): Words {
  const facts = request.governance ?? {};
  const stage = stageOf(policy, facts);
  if (stage === undefined) return { why: "the policy has no gates: there is nothing to promote to" };
  const next = policy.gates.find(({ from }) => from === stage)?.to;
  const command = next === undefined ? {} : { next: `cloister artifact promote ${reference(request)} --to ${next}` };
  if (facts.toStage === undefined) return { why: `${request.action} needs a stage to promote to`, ...command };
  if (!policy.stages.includes(stage)) return { why: `the policy has no stage ${JSON.stringify(stage)}` };
  const known = policy.stages.includes(facts.toStage)
    ? ""
    : `; the policy has no stage ${JSON.stringify(facts.toStage)}`;
  const way = next === undefined ? `${stage} is the last stage` : `from ${stage} the only way is to ${next}`;
  return { why: `no gate leads from ${stage} to ${facts.toStage}: ${way}${known}`, ...command };
}

function people(policy: Policy): readonly Member[] {
  return policy.members.filter(({ suspended, service }) => suspended === undefined && !service);
}

/** `a data-owner: omar, mei`: others whose roles allow it here. */
function whoMay(policy: Policy, action: RoleAction, self: Member, request: DecisionRequest): string {
  const { domain, class: klass } = request;
  const able = people(policy)
    .filter(({ id }) => id !== self.id)
    .map((member) => ({ id: member.id, roles: rolesFor(policy, member, action, { domain, class: klass }) }))
    .filter(({ roles }) => roles.length > 0);
  if (able.length === 0) return `nobody else may ${action} here`;
  const roles = listed(
    able.flatMap((each) => each.roles.map(withArticle)),
    "or",
  );
  return `${roles}: ${cut(able.map(({ id }) => id))}`;
}
