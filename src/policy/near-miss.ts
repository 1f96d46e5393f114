// Why no role allowed a request: what each of the member's roles lacks, and which roles would have allowed it.

import type { Refusal } from "../base/errors.ts";
import { bytesFlag, durationFlag, formatBytes, formatDuration } from "../base/units.ts";
import { type Clause, type CompiledPolicy, type Grant, ROLE_PARTS } from "./compiled.ts";
import { type Enforcement, enforcementIn, enforcementOfCondition, strongest } from "./enforcement.ts";
import { entitlements } from "./entitlements.ts";
import { type DecisionRequest, reference } from "./request.ts";
import type { Member, Policy, Role } from "./schema.ts";
import { counted, listed, withArticle } from "./words.ts";
import { type UsePart, useFlag, useKey, useLack, useNext } from "./workspace-use.ts";

/** A grant that is about the action, and the parts of it that do not hold. */
interface Candidate {
  readonly grant: Grant;
  readonly lacks: readonly Clause["part"][];
}

/** @param satisfied ids of the clauses that hold, as Cedar answered for the `explain` set */
export function missingRole(
  compiled: CompiledPolicy,
  member: Member,
  request: DecisionRequest,
  satisfied: ReadonlySet<string>,
): readonly Refusal[] {
  const candidates = compiled.grants
    .filter((grant) => grant.actions.includes(request.action))
    .map((grant): Candidate => {
      const lacks = grant.clauses.filter((clause) => !satisfied.has(clause.id)).map((clause) => clause.part);
      return { grant, lacks };
    });
  const held = candidates.filter(({ lacks }) => !lacks.includes("held"));
  if (held.some(({ lacks }) => lacks.length === 0)) return [];
  const who = whoCould(compiled.policy, member, candidates);
  const next = nextStep(compiled.policy, held, candidates, request);
  if (held.length === 0) {
    const roles = [...new Set(member.roles.map((holding) => holding.role))];
    const why =
      roles.length === 0 ? `${member.id} has no role` : `no role of ${member.id} (${listed(roles)}) allows it`;
    return [
      refusal({
        rule: "role",
        line: member.line,
        enforcement: enforcementFor(compiled.policy, member, request),
        why: `${request.action}: ${why}`,
        who,
        next,
      }),
    ];
  }
  return byRole(held).map((ofRole) => {
    const [{ grant, lacks } = ofRole[0] as Candidate] = ofRole;
    const role = compiled.policy.roles.find((each) => each.id === grant.role);
    const why = lacks.map((part) => lackText(part, request, role, ofRole)).join("; ");
    const enforcement = strongest(lacks.map((part) => enforcementOfPart(part, compiled.policy, member, request)));
    return refusal({ rule: `role:${grant.role}`, line: grant.line, enforcement, why, who, next });
  });
}

/** Candidates of one role together, the nearest miss first. */
function byRole(held: readonly Candidate[]): readonly (readonly Candidate[])[] {
  const roles = new Map<string, Candidate[]>();
  for (const candidate of held)
    roles.set(candidate.grant.role, [...(roles.get(candidate.grant.role) ?? []), candidate]);
  return [...roles.values()].map((group) => group.sort((a, b) => a.lacks.length - b.lacks.length));
}

function lackText(
  part: Clause["part"],
  request: DecisionRequest,
  role: Role | undefined,
  ofRole: readonly Candidate[],
): string {
  const name = role?.id ?? "?";
  switch (part) {
    case "class":
      return `role ${name} reaches ${role?.upTo ?? "?"} at most, and this is ${request.class ?? "of no class"}`;
    case "domain": {
      const domains = ofRole.map(({ grant }) => grant.domain ?? "");
      return `role ${name} is held in ${listed(domains)}, and this is in ${request.domain ?? "no domain"}`;
    }
    case "purpose":
      return `role ${name} acts for ${listed(role?.purposes ?? [])}, not for ${JSON.stringify(request.purpose)}`;
    case "ttl":
      return `workspaces of role ${name} live at most ${formatDuration(role?.workspace.ttlMs ?? 0)}, asked for ${formatDuration(request.ttlMs ?? 0)}`;
    case "credential-ttl":
      return `credentials of role ${name} live at most ${formatDuration(role?.credentialTtlMs ?? 0)}, asked for ${formatDuration(request.ttlMs ?? 0)}`;
    case "open":
      return `role ${name} may have ${String(role?.workspace.openMax)} open workspaces, and ${String(request.openWorkspaces)} are open`;
    case "disk":
      return `workspaces of role ${name} have at most ${formatBytes(role?.workspace.diskBytes ?? 0)}, asked for ${formatBytes(request.diskBytes ?? 0)}`;
    case "stage":
      return `role ${name} works in ${listed(role?.stages ?? [])}, and this is in ${request.governance?.stage ?? "the first stage"}`;
    case "pulled":
      return `role ${name} pulls at most ${formatBytes(role?.quota.pullBytesPerDay ?? 0)} a day, and with this it is ${formatBytes(request.governance?.pulledBytes ?? 0)}`;
    case "exports":
      return `role ${name} exports at most ${counted(role?.quota.exportsPerWeek ?? 0, "time")} a week, and did ${counted(request.governance?.exports ?? 0, "time")}`;
    case "break-glass":
      return `role ${name} may ${request.action} in an emergency only, after break-glass`;
    case "held":
      return `role ${name} is not held`;
    default:
      return useLack(part, name, role?.workspace, request.use ?? {});
  }
}

function enforcementOfPart(
  part: Clause["part"],
  policy: Policy,
  member: Member,
  request: DecisionRequest,
): Enforcement {
  switch (part) {
    case "held":
    case "domain":
    case "class":
    case "break-glass":
      return enforcementFor(policy, member, request);
    case "stage":
      return enforcementOfCondition(policy, { kind: "gate-order" }, request);
    case "purpose":
    case "open":
    case "credential-ttl":
    case "pulled":
    case "exports":
      return "advisory";
    default:
      return "sandbox";
  }
}

/** Names shown before a list is cut. */
const NAMES_MAX = 4;

/** `a steward: ana`, for every role that lacks only being held. */
function whoCould(policy: Policy, self: Member, candidates: readonly Candidate[]): string | undefined {
  const missing = candidates.filter(({ lacks }) => lacks.length === 1 && lacks[0] === "held").map(({ grant }) => grant);
  const texts = [...new Set(missing.map(({ role }) => role))].map((role) => {
    const holdings = missing.filter((grant) => grant.role === role);
    const names = policy.members
      .filter(({ id, suspended, roles }) => {
        const holds = holdings.some((grant) =>
          roles.some((held) => held.role === role && held.domain === grant.domain),
        );
        return id !== self.id && suspended === undefined && holds;
      })
      .map(({ id }) => id);
    const shown = names.length > NAMES_MAX ? [...names.slice(0, NAMES_MAX), "…"] : names;
    return `${withArticle(role)}: ${shown.length > 0 ? shown.join(", ") : "nobody holds it"}`;
  });
  return texts.length > 0 ? texts.join("; ") : undefined;
}

function nextStep(
  policy: Policy,
  held: readonly Candidate[],
  candidates: readonly Candidate[],
  request: DecisionRequest,
): string | undefined {
  const use = request.use ?? {};
  // The nearest of the member's own roles, where it lacks only what the person can ask for differently.
  const [best] = [...held].sort((a, b) => a.lacks.length - b.lacks.length);
  const role = policy.roles.find((each) => each.id === best?.grant.role);
  const limits = role?.workspace;
  const owners = listed(policy.owners.members, "or");
  const flags = (best?.lacks ?? []).map((part) => limitFlag(part, role));
  if (flags.length > 0 && flags.every((flag) => flag !== undefined)) return `add ${flags.join(" ")}, or less`;
  if (best?.lacks.length === 1) {
    const [part] = best.lacks;
    if (part === "open") return "cloister workspace list, then: cloister workspace destroy NAME";
    if (part === "break-glass") return `in an emergency: cloister break-glass invoke ${reference(request)} --why "…"`;
    if (part === "pulled") return "wait until less was pulled in the last 24 hours";
    if (part === "exports") return "wait until fewer were exported in the last 7 days";
    if (part === "purpose") return `use --purpose ${role?.purposes?.[0] ?? "P"}`;
    const instead = isUse(part) ? useNext(part, limits) : undefined;
    if (instead !== undefined) return instead;
  }
  if (!candidates.some(({ lacks }) => lacks.every((part) => part === "held"))) {
    const keys = (best?.lacks ?? []).flatMap((part) => (isUse(part) ? (useKey(part, limits, use) ?? []) : []));
    const change =
      keys.length > 0 && keys.length === best?.lacks.length
        ? `can add ${keys.join(" and ")} in roles.${role?.id ?? ""}.workspace of`
        : "can change";
    return `an owner (${owners}) ${change} cloister.policy.yaml, then: cloister policy propose`;
  }
  return `ask one of them, or an owner (${owners}) gives you the role in cloister.policy.yaml: cloister policy propose`;
}

/** The flag that asks for no more than a role allows; undefined where what is lacking is no amount. */
function limitFlag(part: Clause["part"], role: Role | undefined): string | undefined {
  if (part === "ttl") return `--ttl ${durationFlag(role?.workspace.ttlMs ?? 0)}`;
  if (part === "credential-ttl") return `--ttl ${durationFlag(role?.credentialTtlMs ?? 0)}`;
  if (part === "disk") return `--disk ${bytesFlag(role?.workspace.diskBytes ?? 0)}`;
  return isUse(part) ? useFlag(part, role?.workspace) : undefined;
}

/** Leaves out what is undefined. */
function refusal(parts: {
  rule: string;
  line?: number;
  enforcement: string;
  why: string;
  who: string | undefined;
  next: string | undefined;
}): Refusal {
  const { who, next, ...rest } = parts;
  return { ...rest, ...(who === undefined ? {} : { who }), ...(next === undefined ? {} : { next }) };
}

/** Whoever was given the class key for another action can read all the same: the missing role is advisory then. */
function enforcementFor(policy: Policy, member: Member, request: DecisionRequest): Enforcement {
  const stands = enforcementIn(policy, request.action, request.class);
  if (!stands.startsWith("cryptographic") || request.class === undefined) return stands;
  const { classKeys } = entitlements(policy, member.id);
  const holds = classKeys.some((key) => key.domain === request.domain && key.class === request.class);
  return holds ? "advisory" : stands;
}

function isUse(part: Clause["part"] | undefined): part is UsePart {
  return part !== undefined && !(ROLE_PARTS as readonly string[]).includes(part);
}
