// Who may state something about a version: the kinds of evidence that a policy declares.
import type { Refusal } from "../base/errors.ts";
import { nearest } from "./near.ts";
import { memberOf, type Policy } from "./schema.ts";
import { listed } from "./words.ts";

/** A statement that somebody makes. */
export interface Stating {
  readonly member: string;
  readonly kind: string;
  readonly domain: string | undefined;
  /** Who pushed the version. Not known counts as the member. */
  readonly pushedBy: string | undefined;
}

/** Why a statement of this kind is not the member's to make, beside what roles and rules say of `artifact.attest`. */
export function whyNotStated(
  policy: Policy,
  { member: id, kind, domain, pushedBy = id }: Stating,
): Refusal | undefined {
  const declared = policy.evidence.find((each) => each.id === kind);
  const enforcement = "refused by every reader";
  if (!declared) return undeclared(policy, kind, enforcement);
  const about = { rule: `evidence:${kind}`, line: declared.line, enforcement };
  const holders = policy.members.filter(
    (member) =>
      member.suspended === undefined &&
      member.roles.some(
        (held) => declared.by.includes(held.role) && (held.domain === undefined || held.domain === domain),
      ),
  );
  const could = holders
    .map((each) => each.id)
    .filter((each) => each !== id && !(declared.notByPusher && each === pushedBy));
  const who = `${listed(declared.by, "or")}: ${could.length > 0 ? listed(could, "or") : "nobody else holds it"}`;
  if (memberOf(policy, id) === undefined || !holders.some((each) => each.id === id)) {
    return {
      ...about,
      why: `${kind} is stated by ${listed(declared.by, "or")}, and ${id} is not in that role here`,
      who,
    };
  }
  if (!declared.notByPusher || pushedBy !== id) return undefined;
  return { ...about, why: `${kind} is not stated by whoever pushed the version, and that was ${id}`, who };
}

function undeclared(policy: Policy, kind: string, enforcement: string): Refusal {
  const kinds = policy.evidence.map((each) => each.id);
  const near = nearest(kind, kinds);
  const next =
    kinds.length === 0
      ? "an owner declares it under evidence: in cloister.policy.yaml, then: cloister policy propose"
      : `use ${near === undefined ? `one of: ${kinds.join(", ")}` : `--type ${near}`}`;
  return {
    rule: "builtin:evidence",
    enforcement,
    why: `the policy declares no evidence ${JSON.stringify(kind)}`,
    next,
  };
}
