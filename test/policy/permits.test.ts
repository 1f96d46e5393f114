// Every part of every permit, alone: with it unmet, the permit must not allow.

import { describe, expect, it } from "vitest";
import { loadCedar } from "../../src/policy/cedar.ts";
import type { Clause, CompiledPolicy, Grant } from "../../src/policy/compiled.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { entitlements } from "../../src/policy/entitlements.ts";
import type { Member, Role } from "../../src/policy/schema.ts";
import type { UseLimits, UsePart, WorkspaceUse } from "../../src/policy/workspace-use.ts";
import { compiled, NOW } from "./sample.ts";

const sample = compiled();
const cedar = await loadCedar();

function roleOf(grant: Grant): Role {
  const role = sample.policy.roles.find(({ id }) => id === grant.role);
  if (!role) throw new Error(grant.role);
  return role;
}

/** Only this permit, one member who holds the role and one who does not. */
function only(grant: Grant): CompiledPolicy {
  const [anyone] = sample.policy.members;
  if (!anyone) throw new Error("no members");
  const member = (id: string, roles: Member["roles"]): Member => ({ ...anyone, id, roles });
  const members = [member("holder", [grant]), member("outsider", [])];
  const permit = sample.cedar.decide[grant.id];
  if (!permit) throw new Error(grant.id);
  return {
    ...sample,
    policy: { ...sample.policy, members },
    cedar: { ...sample.cedar, decide: { [grant.id]: permit } },
  };
}

function satisfying(grant: Grant): DecisionRequest {
  const [action] = grant.actions;
  if (!action) throw new Error(grant.id);
  return {
    action,
    member: "holder",
    now: NOW,
    domain: grant.domain ?? "churn",
    class: "public",
    purpose: roleOf(grant).purposes?.[0] ?? "churn-modelling",
    ttlMs: 1,
    openWorkspaces: 0,
    diskBytes: 1,
    mfaAgeMs: 0,
  };
}

/** The change that makes one part fail; undefined where nothing can (a role that reaches the highest class). */
function violation(grant: Grant, part: Clause["part"]): Partial<DecisionRequest> | undefined {
  const role = roleOf(grant);
  const { ttlMs = 0, openMax = 0, diskBytes = 0 } = role.workspace;
  const above = sample.policy.classifications[sample.policy.classifications.indexOf(role.upTo) + 1];
  const other = sample.policy.domains.find(({ id }) => id !== grant.domain)?.id;
  switch (part) {
    case "held":
      return { member: "outsider" };
    case "domain":
      return { domain: other };
    case "class":
      return above === undefined ? undefined : { class: above };
    case "purpose":
      return { purpose: "fraud-research" };
    case "ttl":
      return { ttlMs: ttlMs + 1 };
    case "credential-ttl":
      return { ttlMs: (role.credentialTtlMs ?? 0) + 1 };
    case "open":
      return { openWorkspaces: openMax };
    case "disk":
      return { diskBytes: diskBytes + 1 };
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

describe("permits", () => {
  it.each(sample.grants)("$id allows when everything holds, and not when one part does not", (grant) => {
    const policy = only(grant);
    const request = satisfying(grant);
    expect(decideWith(cedar, policy, request).allow).toBe(true);
    for (const { part } of grant.clauses) {
      const change = violation(grant, part);
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
