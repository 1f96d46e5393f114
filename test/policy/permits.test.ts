// Every part of every permit, alone: with it unmet, the permit must not allow.

import { describe, expect, it } from "vitest";
import { loadCedar } from "../../src/policy/cedar.ts";
import type { Clause, CompiledPolicy, Grant } from "../../src/policy/compiled.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { entitlements } from "../../src/policy/entitlements.ts";
import type { Member, Role } from "../../src/policy/schema.ts";
import type { UseLimits, UsePart, WorkspaceUse } from "../../src/policy/workspace-use.ts";
import { EXAMPLE } from "./example.ts";
import { compiled, NOW } from "./sample.ts";

const sample = compiled();
const example = compiled(EXAMPLE);
const cedar = await loadCedar();

function roleOf(whole: CompiledPolicy, grant: Grant): Role {
  const role = whole.policy.roles.find(({ id }) => id === grant.role);
  if (!role) throw new Error(grant.role);
  return role;
}

/** Only this permit, one member who holds the role and one who does not. */
function only(whole: CompiledPolicy, grant: Grant): CompiledPolicy {
  const [anyone] = whole.policy.members;
  if (!anyone) throw new Error("no members");
  const member = (id: string, roles: Member["roles"]): Member => ({ ...anyone, id, roles });
  const members = [member("holder", [grant]), member("outsider", [])];
  const permit = whole.cedar.decide[grant.id];
  if (!permit) throw new Error(grant.id);
  return {
    ...whole,
    policy: { ...whole.policy, members },
    cedar: { ...whole.cedar, decide: { [grant.id]: permit } },
  };
}

function satisfying(whole: CompiledPolicy, grant: Grant): DecisionRequest {
  const [action] = grant.actions;
  if (!action) throw new Error(grant.id);
  return {
    action,
    member: "holder",
    now: NOW,
    domain: grant.domain ?? "churn",
    class: "public",
    purpose: roleOf(whole, grant).purposes?.[0] ?? "churn-modelling",
    ttlMs: 1,
    openWorkspaces: 0,
    diskBytes: 1,
    mfaAgeMs: 0,
    governance: { breakGlass: true },
  };
}

/** The change that makes one part fail; undefined where nothing can (a role that reaches the highest class). */
function violation(whole: CompiledPolicy, grant: Grant, part: Clause["part"]): Partial<DecisionRequest> | undefined {
  const role = roleOf(whole, grant);
  const { ttlMs = 0, openMax = 0, diskBytes = 0 } = role.workspace;
  const above = whole.policy.classifications[whole.policy.classifications.indexOf(role.upTo) + 1];
  const other = whole.policy.domains.find(({ id }) => id !== grant.domain)?.id;
  switch (part) {
    case "held":
      return { member: "outsider" };
    case "domain":
      return { domain: other };
    case "class":
      return above === undefined ? undefined : { class: above };
    case "purpose":
      return { purpose: "none-of-its-own" };
    case "ttl":
      return { ttlMs: ttlMs + 1 };
    case "credential-ttl":
      return { ttlMs: (role.credentialTtlMs ?? 0) + 1 };
    case "open":
      return { openWorkspaces: openMax };
    case "disk":
      return { diskBytes: diskBytes + 1 };
    case "stage":
      return { governance: { breakGlass: true, stage: "elsewhere" } };
    case "pulled":
      return { governance: { pulledBytes: (role.quota.pullBytesPerDay ?? 0) + 1 } };
    case "exports":
      return { governance: { exports: role.quota.exportsPerWeek } };
    case "break-glass":
      return { governance: {} };
    default:
      return { use: beyond(part, role.workspace) };
  }
}

/** More of one kind than the role allows. */
function beyond(part: UsePart, limits: UseLimits): WorkspaceUse {
  const { cpus = 0, memoryBytes = 0, processes = 0, openFiles = 0, runMs = 0 } = limits;
  const more: Required<WorkspaceUse> = {
    ...{ cpus: cpus + 1, memoryBytes: memoryBytes + 1, processes: processes + 1, openFiles: openFiles + 1 },
    ...{ runMs: runMs + 1, network: [...limits.network, "evil.example:443"], mounts: [...limits.mounts, "/root"] },
    ...{ gpu: true, driver: "none", image: "evil" },
  };
  return { [part]: more[part] };
}

const GRANTS = [sample, example].flatMap((whole) => whole.grants.map((grant) => ({ id: grant.id, whole, grant })));

describe("permits", () => {
  it.each(GRANTS)("$id allows when everything holds, and not when one part does not", ({ whole, grant }) => {
    const policy = only(whole, grant);
    const request = satisfying(whole, grant);
    expect(decideWith(cedar, policy, request).allow).toBe(true);
    for (const { part } of grant.clauses) {
      const change = violation(whole, grant, part);
      if (change)
        expect({ part, allow: decideWith(cedar, policy, { ...request, ...change }).allow }).toEqual({
          part,
          allow: false,
        });
    }
  });

  it("keys are given exactly where reading is allowed", () => {
    for (const { id: member } of sample.policy.members) {
      const { classKeys, nameKeys, auditKey } = entitlements(sample.policy, member);
      for (const { id: domain } of sample.policy.domains) {
        const asks = (action: DecisionRequest["action"], more: Partial<DecisionRequest>): boolean =>
          decideWith(cedar, sample, { action, member, now: NOW, domain, ...more }).allow;
        for (const name of sample.policy.classifications) {
          const held = classKeys.some((key) => key.domain === domain && key.class === name);
          expect({ member, domain, name, held }).toEqual({
            member,
            domain,
            name,
            held: asks("artifact.read-metadata", { class: name }),
          });
        }
        const writes = asks("secret.write", { class: "public", mfaAgeMs: 0, epoch: 9 });
        expect(nameKeys.includes(domain)).toBe(asks("artifact.read-metadata", {}) || writes);
      }
      expect(auditKey).toBe(decideWith(cedar, sample, { action: "audit.read", member, now: NOW }).allow);
    }
  });
});
