// The policy as Cedar: roles become `permit`, everything else becomes `forbid`.

import { isStaged, type OpenAction, type RoleAction, scopeOf, withImplied } from "./actions.ts";
import {
  all,
  atMost,
  attribute,
  contains,
  context,
  type Expr,
  entityLiteral,
  equal,
  ifHas,
  literal,
  type PolicyJson,
  principal,
  resource,
  statement,
  textSet,
  within,
} from "./cedar-json.ts";
import { cedarSchema, sharedEntities } from "./cedar-schema.ts";
import { type Clause, COMPILED_FORMAT, type CompiledPolicy, type Grant, sealCompiled } from "./compiled.ts";
import { compileGuardrails } from "./guardrails.ts";
import { type Holding, holdingText, type Policy, type Role } from "./schema.ts";
import { useConditions } from "./workspace-use.ts";

/** Allowed to everybody, whoever they are. */
const OPEN_GRANTS: readonly {
  readonly id: string;
  readonly action: OpenAction;
  when: Expr;
}[] = [
  { id: "builtin:own-workspace", action: "workspace.destroy", when: attribute(context, "ownWorkspace") },
  // It takes nothing away from anybody: whose revocations count, the readers of shares decide.
  { id: "builtin:shares-can-be-revoked", action: "share.revoke", when: literal(true) },
  // Whose consent and whose review count, the readers of break-glass decide: those whom the policy names.
  { id: "builtin:break-glass-is-consented", action: "break-glass.consent", when: literal(true) },
  { id: "builtin:break-glass-is-reviewed", action: "break-glass.review", when: literal(true) },
  { id: "builtin:policy-is-readable", action: "policy.read", when: literal(true) },
];

/**
 * Compiles a policy that `readPolicy` accepted.
 *
 * @param digest SHA-256 (hex) of the YAML bytes it was read from
 */
export function compilePolicy(policy: Policy, digest: string): CompiledPolicy {
  const decide: Record<string, PolicyJson> = {};
  const explain: Record<string, PolicyJson> = {};
  const grants: Grant[] = [];
  for (const role of policy.roles) {
    for (const holding of holdingsOf(policy, role)) {
      for (const grant of grantsOf(policy, role, holding)) {
        grants.push(addGrant(grant, role, holding, decide, explain));
      }
    }
  }
  for (const { id, action, when } of OPEN_GRANTS) {
    decide[id] = statement("permit", [action], { when }, { id });
  }
  const guardrails = compileGuardrails(policy).map(({ json, ...guardrail }) => {
    decide[guardrail.id] = json;
    return guardrail;
  });
  const cedar = { decide, explain, schema: cedarSchema(), entities: sharedEntities(policy) };
  return sealCompiled({ format: COMPILED_FORMAT, digest, policy, grants, guardrails, cedar });
}

/** The ways a role is held: everywhere, or in one domain. A role nobody holds is there to explain what it could do. */
function holdingsOf(policy: Policy, role: Role): readonly Holding[] {
  const held = policy.members.flatMap((member) => member.roles).filter((holding) => holding.role === role.id);
  const domains = new Set(held.length === 0 ? [undefined] : held.map((holding) => holding.domain));
  return [...domains].map((domain) => ({ role: role.id, domain }));
}

interface Part {
  readonly part: Clause["part"];
  readonly when: Expr;
}

interface GrantParts {
  readonly suffix: string;
  readonly actions: readonly Grant["actions"][number][];
  readonly parts: readonly Part[];
}

/**
 * A role is several permits: on data, on versions in some stages, on what a quota counts, on new workspaces and credentials,
 * which have limits, on the whole project, and in an emergency.
 */
function grantsOf(policy: Policy, role: Role, holding: Holding): readonly GrantParts[] {
  const grants = new Map<string, GrantParts>();
  for (const action of withImplied(role.can)) {
    const { suffix, parts } = permitOf(role, holding, action);
    const known = grants.get(suffix);
    grants.set(suffix, { suffix, parts, actions: [...(known?.actions ?? []), action] });
  }
  return [...grants.values(), ...emergencyOf(policy, role, holding)];
}

function permitOf(role: Role, holding: Holding, action: RoleAction): Omit<GrantParts, "actions"> {
  const held = heldPart(holding);
  // Who approves judges what somebody else wants it for.
  const purposes = action === "request.approve" ? [] : purposeParts(role);
  if (scopeOf(action) === "project") return { suffix: "project", parts: [held, ...purposes] };
  const onData = [held, ...dataParts(role, holding), ...purposes];
  if (action === "workspace.create") return { suffix: "workspaces", parts: [...onData, ...limitParts(role)] };
  if (action === "creds.issue") return { suffix: "credentials", parts: [...onData, ...credentialParts(role)] };
  if (!isStaged(action)) return { suffix: "data", parts: onData };
  const onVersions = [...onData, ...stageParts(role)];
  const quota = quotaParts(role, action);
  if (quota.length > 0) return { suffix: quota[0]?.part ?? "", parts: [...onVersions, ...quota] };
  if (action === "request.approve") return { suffix: "approvals", parts: onVersions };
  return { suffix: role.stages ? "versions" : "data", parts: onVersions };
}

function heldPart(holding: Holding): Part {
  return { part: "held", when: within(principal, entityLiteral("Role", holdingText(holding))) };
}

/** What a role that can invoke break-glass can do then, in the data that it reaches. */
function emergencyOf({ breakGlass }: Policy, role: Role, holding: Holding): readonly GrantParts[] {
  if (!breakGlass || !role.can.includes("break-glass.invoke")) return [];
  const open = all(attribute(context, "breakGlass"), limited("ttlMs", breakGlass.maxMs));
  const parts: Part[] = [
    heldPart(holding),
    ...dataParts(role, holding),
    ...purposeParts(role),
    { part: "break-glass", when: open },
  ];
  return [{ suffix: "break-glass", actions: withImplied(breakGlass.can), parts }];
}

function stageParts({ stages }: Role): readonly Part[] {
  if (!stages) return [];
  const own = textSet(stages);
  return [{ part: "stage", when: ifHas(context, "stage", (value) => contains(own, value), false) }];
}

function quotaParts({ quota }: Role, action: RoleAction): readonly Part[] {
  const { pullBytesPerDay, exportsPerWeek } = quota;
  if (action === "artifact.pull" && pullBytesPerDay !== undefined) {
    return [{ part: "pulled", when: limited("pulledBytes", pullBytesPerDay) }];
  }
  const exports = action === "artifact.export" || action === "share.create";
  // Those before this one are counted.
  return exports && exportsPerWeek !== undefined
    ? [{ part: "exports", when: limited("exports", exportsPerWeek - 1) }]
    : [];
}

function dataParts(role: Role, holding: Holding): readonly Part[] {
  const upTo = entityLiteral("Class", role.upTo);
  const parts: Part[] = [{ part: "class", when: ifHas(resource, "class", (value) => within(value, upTo), true) }];
  if (holding.domain === undefined) return parts;
  const domain = equal(attribute(resource, "domain"), entityLiteral("Domain", holding.domain));
  return [{ part: "domain", when: domain }, ...parts];
}

/** A purpose that is given must be one of the role's; whether one must be given is for `always.purpose-for` to say. */
function purposeParts(role: Role): readonly Part[] {
  if (!role.purposes) return [];
  const own = textSet(role.purposes);
  return [{ part: "purpose", when: ifHas(context, "purpose", (value) => contains(own, value), true) }];
}

/** What is asked for must not exceed the limit; what is left out asks for nothing. */
function limited(name: string, max: number): Expr {
  return ifHas(context, name, (value) => atMost(value, literal(max)), true);
}

function credentialParts({ credentialTtlMs }: Role): readonly Part[] {
  if (credentialTtlMs === undefined) return [];
  return [{ part: "credential-ttl", when: limited("ttlMs", credentialTtlMs) }];
}

function limitParts(role: Role): readonly Part[] {
  const { ttlMs, openMax, diskBytes } = role.workspace;
  const parts: Part[] = [];
  if (ttlMs !== undefined) parts.push({ part: "ttl", when: limited("ttlMs", ttlMs) });
  // The count is taken before the new workspace exists.
  if (openMax !== undefined) parts.push({ part: "open", when: limited("openWorkspaces", openMax - 1) });
  if (diskBytes !== undefined) parts.push({ part: "disk", when: limited("diskBytes", diskBytes) });
  return [...parts, ...useConditions(role.workspace)];
}

function addGrant(
  { suffix, actions, parts }: GrantParts,
  role: Role,
  holding: Holding,
  decide: Record<string, PolicyJson>,
  explain: Record<string, PolicyJson>,
): Grant {
  const id = `role:${holdingText(holding)}:${suffix}`;
  const annotations = { id, source: `cloister.policy.yaml:${String(role.line)}` };
  decide[id] = statement("permit", actions, { when: all(...parts.map(({ when }) => when)) }, annotations);
  const clauses = parts.map(({ part, when }): Clause => {
    const clauseId = `${id}#${part}`;
    explain[clauseId] = statement("permit", actions, { when }, { id: clauseId });
    return { id: clauseId, part };
  });
  return { id, role: role.id, domain: holding.domain, line: role.line, actions, clauses };
}
