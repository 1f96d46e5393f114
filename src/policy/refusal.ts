// An unmet condition in words: why, with the actual class, purpose or limit; who could; the next command.
import type { Refusal } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import type { CompiledPolicy, Condition, Guardrail } from "./compiled.ts";
import { consentWords, destinationWords, evidenceWords } from "./consent-words.ts";
import { enforcementOfCondition } from "./enforcement.ts";
import { governanceWords } from "./governance-words.ts";
import { charsOf, type DecisionRequest, reference } from "./request.ts";
import { type Member, memberOf, type Policy } from "./schema.ts";
import { listed } from "./words.ts";

type Words = Pick<Refusal, "why" | "who" | "next" | "missing">;

/** The refusal for a `forbid` that fired. */
export function refusalOf(
  compiled: CompiledPolicy,
  guardrail: Guardrail,
  member: Member,
  request: DecisionRequest,
): Refusal {
  const { policy } = compiled;
  const enforcement = enforcementOfCondition(policy, guardrail.condition, request);
  const line = guardrail.line ?? lineOf(policy, guardrail.condition, member, request);
  const about = { rule: guardrail.rule, ...(line === undefined ? {} : { line }), enforcement };
  return { ...about, ...words(policy, guardrail.condition, member, request) };
}

/** The line that a built-in rule goes by, where that is one about who asks or about what. */
function lineOf(policy: Policy, { kind }: Condition, member: Member, request: DecisionRequest): number | undefined {
  if (kind === "suspended" || kind === "service") return member.line;
  return kind === "epoch" ? policy.domains.find(({ id }) => id === request.domain)?.line : undefined;
}

function words(policy: Policy, condition: Condition, member: Member, request: DecisionRequest): Words {
  switch (condition.kind) {
    case "suspended":
      return {
        why: `${member.id} is suspended (${member.suspended ?? ""})`,
        who: owners(policy, member),
        next: `ask one of them: cloister member restore ${member.id}`,
      };
    case "expired":
      return {
        why: `the policy expired on ${policy.expires.date}`,
        who: owners(policy, member),
        next: "an owner sets a later expires in cloister.policy.yaml, then: cloister policy propose",
      };
    case "purpose-needed":
      return { why: `${request.action} needs a purpose`, next: `add ${purposeFlag(policy, member, request)}` };
    case "purpose-known":
      return {
        why: `the policy has no purpose ${JSON.stringify(request.purpose)}`,
        next: `use ${purposeFlag(policy, member, request)}`,
      };
    case "purpose-ended":
      return {
        why: `purpose ${condition.purpose} ended on ${untilOf(policy, condition.purpose)}`,
        who: owners(policy, member),
        next: `use ${purposeFlag(policy, member, request)}`,
      };
    case "justification":
      return {
        why: `${request.action} needs a justification of at least ${String(condition.charsMin)} characters, has ${String(charsOf(request.justification))}`,
        next: `add --why "…" (at least ${String(condition.charsMin)} characters)`,
      };
    case "mfa":
      return { why: mfaWhy(condition.withinMs, request), next: "cloister login --mfa" };
    case "label-flow":
      return {
        why: `class ${request.class ?? "none"} is below ${request.label?.class ?? "?"}, the class of ${request.label?.from ?? "an input"}`,
        next: `add --class ${request.label?.class ?? ""}`,
      };
    case "epoch":
      return epochWords(policy, request);
    case "refuse":
      return refuseWords(policy, condition.text, member, request);
    case "field":
      return fieldWords(policy, condition.field, member, request);
    case "provenance":
      return {
        why: `${withKind(request)} must come from a recorded run`,
        next: `cloister workspace create NAME; cloister run NAME -- COMMAND; cloister push PATH --name ${reference(request)} --from NAME`,
      };
    case "approvals":
    case "grant":
      return consentWords(policy, condition, member, request);
    case "evidence":
      return evidenceWords(policy, condition.evidence, member, request);
    case "destination":
      return destinationWords(condition.patterns, request);
    default:
      return governanceWords(policy, condition, member, request);
  }
}

function mfaWhy(withinMs: number, { action, mfaAgeMs }: DecisionRequest): string {
  const needed = `${action} needs a login with a second factor within ${formatDuration(withinMs)}`;
  if (mfaAgeMs === undefined) return `${needed}, and there is none`;
  return mfaAgeMs < 0 ? `${needed}, and yours is dated ahead` : `${needed}; yours is ${formatDuration(mfaAgeMs)} old`;
}

function owners(policy: Policy, self: Member): string {
  const others = policy.owners.members.filter((id) => id !== self.id && memberOf(policy, id)?.suspended === undefined);
  return others.length > 0 ? `an owner of the policy: ${others.join(", ")}` : "you, as an owner of the policy";
}

/** `--purpose P`, with a purpose that is declared, has not ended, and that one of the member's roles acts for. */
function purposeFlag(policy: Policy, member: Member, request: DecisionRequest): string {
  const current = policy.purposes.filter(({ until }) => !until || request.now < until.endMs).map(({ id }) => id);
  const roles = policy.roles.filter((role) => member.roles.some((holding) => holding.role === role.id));
  const own = current.filter((id) => roles.some((role) => !role.purposes || role.purposes.includes(id)));
  const [first, ...more] = own.length > 0 ? own : current;
  if (first === undefined) return "a purpose that an owner adds to the policy";
  return more.length > 0 ? `--purpose ${first} (or ${listed(more, "or")})` : `--purpose ${first}`;
}

function untilOf(policy: Policy, purpose: string): string {
  return policy.purposes.find(({ id }) => id === purpose)?.until?.date ?? "an earlier day";
}

function epochWords(policy: Policy, request: DecisionRequest): Words {
  const oldest = String(policy.domains.find(({ id }) => id === request.domain)?.epoch);
  const domain = request.domain ?? "";
  const next =
    request.action === "secret.write"
      ? "cloister secret rotate NAME"
      : `push it again: cloister push PATH --name ${reference(request)}`;
  if (request.epoch === undefined) return { why: "the request does not say with which key epoch it writes", next };
  return { why: `it is written with key epoch ${String(request.epoch)}; ${domain} has moved on to ${oldest}`, next };
}

function refuseWords(policy: Policy, text: string, member: Member, request: DecisionRequest): Words {
  const why = request.class === undefined ? text : `${text} (this is ${request.class})`;
  const who = `nobody while the rule stands; an owner (${listed(policy.owners.members, "or")}) can change it`;
  const creates = policy.roles.some(
    (role) => role.can.includes("workspace.create") && member.roles.some((holding) => holding.role === role.id),
  );
  if (request.action !== "artifact.pull" || !creates) return { why, who, next: "cloister policy show" };
  const declared = policy.purposes.some(({ id }) => id === request.purpose);
  const purpose = declared ? `--purpose ${request.purpose ?? ""}` : purposeFlag(policy, member, request);
  return { why, who, next: `cloister workspace create w1 --input ${reference(request)} ${purpose}` };
}

function fieldWords(policy: Policy, field: string, member: Member, request: DecisionRequest): Words {
  const why = `${withKind(request)} needs ${field === "owner" ? "an owner" : `a ${field}`}`;
  const examples: Readonly<Record<string, string>> = {
    owner: "add --owner WHO",
    licence: "add --licence ID (such as Apache-2.0)",
    justification: 'add --why "…"',
  };
  return { why, next: examples[field] ?? `add ${purposeFlag(policy, member, request)}` };
}

function withKind(request: DecisionRequest): string {
  return `${request.action} of a ${request.kind ?? "artifact"}`.replace("a artifact", "an artifact");
}
