// The policy as Cedar: roles become `permit`, everything else becomes `forbid`.

import { scopeOf, withImplied } from "./actions.ts";
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
  readonly action: "workspace.destroy" | "share.revoke" | "policy.read";
  when: Expr;
}[] = [
  { id: "builtin:own-workspace", action: "workspace.destroy", when: attribute(context, "ownWorkspace") },
  // It takes nothing away from anybody: whose revocations count, the readers of shares decide.
  { id: "builtin:shares-can-be-revoked", action: "share.revoke", when: literal(true) },
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
      for (const grant of grantsOf(role, holding)) {
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

/** A role is up to four permits: on data, on the whole project, and on new workspaces and credentials, which have limits. */
function grantsOf(role: Role, holding: Holding): readonly GrantParts[] {
  const can = withImplied(role.can);
  const held: Part = { part: "held", when: within(principal, entityLiteral("Role", holdingText(holding))) };
  const onData = [held, ...dataParts(role, holding)];
  const purposes = purposeParts(role);
  const grants: GrantParts[] = [
    {
      suffix: "data",
      actions: can.filter(
        (action) => scopeOf(action) !== "project" && action !== "workspace.create" && action !== "creds.issue",
      ),
      parts: [...onData, ...purposes],
    },
    {
      suffix: "workspaces",
      actions: can.filter((action) => action === "workspace.create"),
      parts: [...onData, ...purposes, ...limitParts(role)],
    },
    {
      suffix: "credentials",
      actions: can.filter((action) => action === "creds.issue"),
      parts: [...onData, ...purposes, ...credentialParts(role)],
    },
    {
      suffix: "project",
      actions: can.filter((action) => scopeOf(action) === "project"),
      parts: [held, ...purposes],
    },
  ];
  return grants.filter((grant) => grant.actions.length > 0);
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
