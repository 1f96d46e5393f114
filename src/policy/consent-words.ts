// What is missing of other people's consent, in words: how far it is, who can still give it, and the command that asks.
import type { Refusal } from "../base/errors.ts";
import { formatDuration } from "../base/units.ts";
import { approvingRoles, excludedFromApproving, pusherUnknown, tally, whoCanApprove } from "./approvals.ts";
import type { Condition } from "./compiled.ts";
import { ANYBODY, type Approvals } from "./governance.ts";
import { type DecisionRequest, reference } from "./request.ts";
import { approvalsFor, approvedOf, isFresh, mayState } from "./requirements.ts";
import { type Member, memberOf, type Policy } from "./schema.ts";
import { counted, listed, withArticle } from "./words.ts";

type Words = Pick<Refusal, "why" | "who" | "next" | "missing">;
type Consent = Extract<Condition, { readonly kind: "approvals" | "grant" }>;

/** Members named before a list is cut. */
const NAMES_MAX = 6;

export function consentWords(policy: Policy, condition: Consent, member: Member, request: DecisionRequest): Words {
  const facts = request.governance ?? {};
  // What is over has to be given anew by whoever gave it.
  const over = condition.kind === "grant" && !isFresh(facts.grant, condition.maxMs);
  const given = over ? [] : (approvalsFor(condition, facts) ?? []);
  const about = approvedOf(policy, request);
  const { needed, has, missing } = tally(policy, condition.needs, given, about);
  const still = whoCanApprove(policy, condition.needs, given, about);
  const unknown = given.length > 0 && pusherUnknown(policy, about) ? "; who pushed it is not known" : "";
  const lack = missing.length === 0 ? "" : `: ${people(missing)} ${missing.length === 1 ? "is" : "are"} missing`;
  const count = `${counted(needed, "approval")}, has ${String(has)} of ${String(needed)}${lack}${unknown}`;
  return {
    why: condition.kind === "grant" ? grantWhy(condition, count, request) : `${subject(request)} needs ${count}`,
    who: whoLeft(policy, condition.needs, still, member, request),
    next: requestCommand(policy, member, request),
    missing: "approval",
  };
}

/** What the approvals are for. */
function subject(request: DecisionRequest): string {
  const { toStage } = request.governance ?? {};
  if (request.action === "artifact.promote" && toStage !== undefined) return `promotion to ${toStage}`;
  return `${request.action} of class ${request.class ?? "?"}`;
}

function grantWhy({ maxMs }: Extract<Consent, { kind: "grant" }>, count: string, request: DecisionRequest): string {
  const grant = request.governance?.grant;
  const open = `class ${request.class ?? "?"} is open with a grant only, for at most ${formatDuration(maxMs)}`;
  if (!grant) return `${open}; it needs ${count}`;
  if (isFresh(grant, maxMs)) return `${open}; yours needs ${count}`;
  return grant.ageMs >= 0 ? `${open}; yours is ${formatDuration(grant.ageMs)} old` : `${open}; yours is dated ahead`;
}

/** `a reviewer and 2 others`. */
function people(missing: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const role of missing) counts.set(role, (counts.get(role) ?? 0) + 1);
  return listed(
    [...counts].map(([role, count]) => {
      const noun = role === ANYBODY ? "approver" : role;
      return count === 1 ? withArticle(noun) : `${String(count)} ${noun}s`;
    }),
  );
}

/** `a security-officer: ana (not you: you pushed it)`. */
function whoLeft(
  policy: Policy,
  needs: Approvals["needs"],
  still: readonly string[],
  self: Member,
  request: DecisionRequest,
): string {
  const about = approvedOf(policy, request);
  const rolesOf = (id: string): readonly string[] => {
    const member = memberOf(policy, id);
    return member ? approvingRoles(policy, member, about) : [];
  };
  const byRole = needs.flatMap(({ role }) => {
    const ids = still.filter((id) => role === ANYBODY || rolesOf(id).includes(role));
    return ids.length > 0 ? [`${withArticle(role === ANYBODY ? "approver" : role)}: ${cut(ids)}`] : [];
  });
  const wanted = (id: string) => rolesOf(id).some((role) => needs.some((need) => [role, ANYBODY].includes(need.role)));
  const excluded = policy.members.flatMap(({ id }) => {
    const why = excludedFromApproving(policy, id, about);
    if (why === undefined || !wanted(id)) return [];
    return [id === self.id ? `not you: you ${why}` : `not ${id}, who ${why}`];
  });
  const who = byRole.length > 0 ? byRole.join("; ") : "nobody else holds such a role here";
  return excluded.length > 0 ? `${who} (${excluded.join("; ")})` : who;
}

export function cut(ids: readonly string[]): string {
  return ids.length > NAMES_MAX ? [...ids.slice(0, NAMES_MAX), "…"].join(", ") : ids.join(", ");
}

/** The request that would bring what is missing. */
function requestCommand(policy: Policy, member: Member, request: DecisionRequest): string {
  const asks = policy.roles.some(
    ({ id, can }) => can.includes("request.create") && member.roles.some((held) => held.role === id),
  );
  if (!asks) return `ask somebody who may request.create; no role of ${member.id} may`;
  const ref = reference(request);
  const { destination, toStage, toClass } = request.governance ?? {};
  const create = "cloister request create";
  const why = whyFlag(request.justification);
  const declared = policy.purposes.some(({ id }) => id === request.purpose);
  const purpose = declared ? ` --purpose ${request.purpose ?? ""}` : "";
  switch (request.action) {
    case "artifact.export":
    case "share.create":
      return `${create} export ${ref} --to ${safe(destination, "DEST")}${purpose} ${why}`;
    case "artifact.promote":
      return `${create} promote ${ref} --to ${safe(toStage, "STAGE")} ${why}`;
    case "artifact.declassify":
      return `${create} declassify ${ref} --to ${safe(toClass, "CLASS")}${purpose} ${why}`;
    default:
      return `${create} access ${ref}${purpose} ${why}`;
  }
}

/** The reason that was given, as a shell takes it: it need not be typed again. */
function whyFlag(justification: string | undefined): string {
  const given = (justification ?? "").trim();
  return /^[\p{L}\p{N}\p{P}\p{S} ]{1,200}$/u.test(given) ? `--why '${given.replaceAll("'", "'\\''")}'` : '--why "…"';
}

/** What a shell takes as it is. */
function safe(text: string | undefined, placeholder: string): string {
  return text !== undefined && /^[A-Za-z0-9][A-Za-z0-9._:@/=+-]{0,300}$/.test(text) ? text : placeholder;
}

export function evidenceWords(policy: Policy, id: string, member: Member, request: DecisionRequest): Words {
  const kind = policy.evidence.find((each) => each.id === id);
  const { evidence = [], failing = [], pushedBy } = request.governance ?? {};
  const failed = failing.filter((each) => each.kind === id).map(({ by }) => by);
  if (failed.length > 0) return failedWords(id, failed, request);
  const stated = evidence.filter((each) => each.kind === id).map(({ by }) => by);
  const own = kind?.notByPusher && pushedBy !== undefined && stated.includes(pushedBy);
  const none = stated.length === 0 ? "nobody stated it" : `what ${listed(stated)} stated does not count`;
  const why = `${subject(request)} needs ${id}, and ${own ? `only ${pushedBy} stated it, who pushed it` : none}`;
  if (!kind) return { why };
  const able = policy.members.filter((each) => mayState(policy, kind, each, request)).map((each) => each.id);
  const others = able.filter((each) => !kind.notByPusher || each !== pushedBy);
  const you = others.length < able.length && pushedBy === member.id ? " (not you: you pushed it)" : "";
  const roles = listed(kind.by.map(withArticle), "or");
  const who = others.length > 0 ? `${roles}: ${cut(others)}${you}` : `${roles}: nobody may here${you}`;
  return { why, who, next: `cloister artifact attest ${reference(request)} --type ${id} --result pass FILE` };
}

/** One who says `fail` outweighs all others, and is the only one to take it back. */
function failedWords(id: string, failed: readonly string[], request: DecisionRequest): Words {
  const who = `${listed(failed, "or")} can state it anew, once that is mended`;
  const next = `cloister show ${reference(request)}   (the documents: --statement DIGEST)`;
  return { why: `${subject(request)} needs ${id}, and ${listed(failed)} stated that it failed`, who, next };
}

export function destinationWords(patterns: readonly string[], request: DecisionRequest): Words {
  const { destination } = request.governance ?? {};
  const allowed = `${request.action} may go to ${listed(patterns, "or")}`;
  const why = destination === undefined ? `${allowed}, and none is given` : `${allowed}, not to ${destination}`;
  return { why, next: `add --to ${patterns[0]?.replace("*", "…") ?? "DEST"}` };
}
