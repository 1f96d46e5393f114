// Everything that two policies can tell apart. The facts of both: a requirement that one of them dropped shows only where
// somebody asks without it.
import { KINDS, type RoleAction } from "../actions.ts";
import { ANYBODY, type Approvals } from "../governance.ts";
import type { Holding, Policy } from "../schema.ts";

export interface Vocabulary {
  readonly roles: readonly string[];
  /** Classes and domains that both have; what only one has is no question of who may. */
  readonly classes: readonly string[];
  readonly domains: readonly string[];
  readonly stages: readonly string[];
  readonly purposes: readonly string[];
  readonly hops: readonly { readonly from: string; readonly to: string }[];
  /** Where some rule is about kinds. */
  readonly kinds: readonly string[];
  /** Whether some rule is about single domains. */
  readonly byDomain: boolean;
  readonly destinations: readonly string[];
  /** How many approvals of a role are asked for at most. */
  readonly approvals: ReadonlyMap<string, number>;
  /** Kinds of evidence, with a role of each policy that may state it. */
  readonly evidence: ReadonlyMap<string, readonly Holding[]>;
}

export function vocabularyOf(policies: readonly [Policy, Policy]): Vocabulary {
  const [before, after] = policies;
  const every = <T>(list: (policy: Policy) => readonly T[]): readonly T[] => [...new Set(policies.flatMap(list))];
  const shared = (list: (policy: Policy) => readonly string[]) =>
    list(after).filter((each) => list(before).includes(each));
  const rules = policies.flatMap((policy) => policy.rules);
  return {
    roles: every((policy) => policy.roles.map(({ id }) => id)),
    classes: shared((policy) => policy.classifications),
    domains: shared((policy) => policy.domains.map(({ id }) => id)),
    stages: every((policy) => policy.stages),
    purposes: every((policy) => policy.purposes.map(({ id }) => id)),
    hops: hopsOf(policies),
    kinds: rules.some((rule) => rule.kinds !== undefined) ? KINDS : [],
    byDomain: rules.some((rule) => rule.domains !== undefined),
    destinations: [...new Set(rules.flatMap((rule) => rule.destinations ?? []))],
    approvals: mostApprovals(policies),
    evidence: evidenceOf(policies),
  };
}

/** Actions that a role of either policy allows, directly or in consequence. */
export function actionsOf(policies: readonly Policy[], role: string): readonly RoleAction[] {
  return [...new Set(policies.flatMap(({ roles }) => roles.find(({ id }) => id === role)?.can ?? []))];
}

function hopsOf(policies: readonly Policy[]): Vocabulary["hops"] {
  const hops = policies.flatMap(({ gates }) => gates.map(({ from, to }) => ({ from, to })));
  return hops.filter((hop, at) => hops.findIndex(({ from, to }) => from === hop.from && to === hop.to) === at);
}

function mostApprovals(policies: readonly Policy[]): ReadonlyMap<string, number> {
  const asked = policies.flatMap((policy): (Approvals | undefined)[] => [
    ...policy.rules.flatMap((rule) => [rule.approvals, rule.grant?.approvals]),
    ...policy.gates.map((gate) => gate.approvals),
  ]);
  const most = new Map<string, number>();
  for (const { role, count } of asked.flatMap((approvals) => approvals?.needs ?? [])) {
    most.set(role, Math.max(count, most.get(role) ?? 0));
  }
  return most;
}

function evidenceOf(policies: readonly Policy[]): ReadonlyMap<string, readonly Holding[]> {
  const kinds = new Map<string, Holding[]>();
  for (const { id, by } of policies.flatMap((policy) => policy.evidence)) {
    const [role] = by;
    const holdings = kinds.get(id) ?? [];
    if (role !== undefined) holdings.push({ role, domain: undefined });
    kinds.set(id, holdings);
  }
  return kinds;
}

/** The role of those who approve where anybody may: one that is asked for nowhere, if such a one can approve. */
export function approverRole(policies: readonly Policy[], words: Pick<Vocabulary, "approvals">, role: string): Holding {
  const all = policies.flatMap(({ roles }) => roles).filter(({ can }) => can.includes("request.approve"));
  const found = all.find(({ id }) => !words.approvals.has(id)) ?? all[0];
  return { role: role === ANYBODY ? (found?.id ?? "") : role, domain: undefined };
}
