// A question with everything right, and the same with one fact missing or otherwise: what an answer can depend on.

import { formatDuration } from "../../base/units.ts";
import type { GovernanceFacts } from "../facts.ts";
import { ANYBODY, type Approvals } from "../governance.ts";
import type { DecisionRequest } from "../request.ts";
import type { Policy } from "../schema.ts";
import { counted, withArticle } from "../words.ts";
import { approverId, PUSHER, statedId } from "./questions.ts";
import { approverRole, type Vocabulary } from "./vocabulary.ts";

/** What is otherwise: something `needs` could be asked for, or a circumstance, `when`. */
export interface Variation {
  readonly text: string;
  readonly is: "needs" | "when";
  readonly ask: DecisionRequest;
}

/** Every way in which the question can be asked with less, that either policy has a word for. */
export function variationsOf(
  policies: readonly [Policy, Policy],
  words: Vocabulary,
  full: DecisionRequest,
): readonly Variation[] {
  return [
    ...personal(policies, full),
    ...purposes(words, policies, full),
    ...declared(policies, full),
    ...approved(policies, words, full),
    ...granted(policies, words, full),
    ...stated(policies, words, full),
    ...separated(policies, full),
    ...used(policies, full),
  ];
}

function needs(text: string, ask: DecisionRequest): Variation {
  return { text, is: "needs", ask };
}

function when(text: string, ask: DecisionRequest): Variation {
  return { text, is: "when", ask };
}

function lacking(full: DecisionRequest, facts: GovernanceFacts): DecisionRequest {
  return { ...full, governance: { ...full.governance, ...facts } };
}

function distinct(values: readonly number[]): readonly number[] {
  return [...new Set(values)].sort((a, b) => a - b);
}

/** A second factor and a justification, as each policy asks for them. */
function personal(policies: readonly Policy[], full: DecisionRequest): readonly Variation[] {
  const { action } = full;
  const within = policies.flatMap(({ mfaWithin }) => mfaWithin.filter((each) => each.action === action));
  const ages = distinct(within.map(({ withinMs }) => withinMs));
  const chars = policies.flatMap(({ justificationFor }) => justificationFor.filter((each) => each.action === action));
  return [
    ...ages.map((ms) => needs(`a second factor within ${formatDuration(ms)}`, { ...full, mfaAgeMs: ms + 1 })),
    ...distinct(chars.map(({ charsMin }) => charsMin)).map((min) =>
      needs(`a justification of ${counted(min, "character")}`, { ...full, justification: "x".repeat(min - 1) }),
    ),
  ];
}

function purposes(words: Vocabulary, policies: readonly Policy[], full: DecisionRequest): readonly Variation[] {
  if (full.purpose === undefined) return [];
  const asked = policies.some(({ purposeFor }) => (purposeFor.actions as readonly string[]).includes(full.action));
  const others = words.purposes.filter((purpose) => purpose !== full.purpose);
  return [
    ...(asked ? [needs("a purpose", { ...full, purpose: undefined })] : []),
    ...others.map((purpose) => when(`for ${purpose}`, { ...full, purpose })),
  ];
}

/** What a push declares. */
function declared(policies: readonly Policy[], full: DecisionRequest): readonly Variation[] {
  const rules = policies
    .flatMap((policy) => policy.rules)
    .filter(({ on }) => (on as readonly string[]).includes(full.action));
  const fields = [...new Set(rules.flatMap((rule) => rule.fields))];
  const run = rules.some((rule) => rule.provenance !== undefined);
  return [
    ...fields.map((field) => {
      const gone =
        field === "purpose" ? { purpose: undefined } : field === "justification" ? { justification: undefined } : {};
      return needs(withArticle(field), { ...full, ...gone, fields: full.fields?.filter((each) => each !== field) });
    }),
    ...(run ? [needs("a recorded run", { ...full, provenance: "none" })] : []),
  ];
}

/** The approvals of an act itself, or of a grant, that either policy asks for in this action. */
function asksApproval(
  policies: readonly Policy[],
  full: DecisionRequest,
  of: "approvals" | "grant",
): readonly Approvals[] {
  const rules = policies
    .flatMap((policy) => policy.rules)
    .filter(({ on }) => (on as readonly string[]).includes(full.action));
  const gates = of === "approvals" && full.action === "artifact.promote" ? policies.flatMap(({ gates }) => gates) : [];
  const asked = [
    ...rules.map((rule) => (of === "approvals" ? rule.approvals : rule.grant?.approvals)),
    ...gates.map((gate) => gate.approvals),
  ];
  return asked.filter((approvals) => approvals !== undefined);
}

/** Approvals that are left where some of a role are missing, with who is missing as text. */
interface Fewer {
  readonly text: string;
  readonly left: (ids: readonly string[]) => readonly string[];
}

/** Roles that are asked for, and every number below what is asked for at most. */
function fewer(policies: readonly Policy[], words: Vocabulary, asked: readonly Approvals[]): readonly Fewer[] {
  const roles = new Set(asked.flatMap(({ needs }) => needs.map(({ role }) => role)));
  return [...roles].flatMap((role) => {
    const most = words.approvals.get(role) ?? 0;
    return Array.from({ length: most }, (_, kept): readonly Fewer[] => {
      const who = role === ANYBODY ? "anybody" : withArticle(role);
      const text = most === 1 ? `an approval by ${who}` : `${counted(kept + 1, "approval")} by ${who}`;
      const keeping = (others: (id: string) => boolean): Fewer => {
        const own = approversOf(words, role);
        return { text, left: (ids) => ids.filter((id) => (own.includes(id) ? own.indexOf(id) < kept : others(id))) };
      };
      if (role !== ANYBODY) {
        // Who stands for anybody may be one of these: then they are missing, too.
        const alike = approverRole(policies, words, ANYBODY).role === role ? approversOf(words, ANYBODY) : [];
        return [keeping((id) => !alike.includes(id))];
      }
      // Everybody who approves counts as anybody: nobody else may be there, or those alone who are asked for by their role.
      const named = [...roles].filter((each) => each !== ANYBODY).flatMap((each) => approversOf(words, each));
      return [keeping(() => false), keeping((id) => named.includes(id))];
    }).flat();
  });
}

function approversOf(words: Vocabulary, role: string): readonly string[] {
  return Array.from({ length: words.approvals.get(role) ?? 0 }, (_, at) => approverId(role, at));
}

function approved(policies: readonly Policy[], words: Vocabulary, full: DecisionRequest): readonly Variation[] {
  const asked = asksApproval(policies, full, "approvals");
  return fewer(policies, words, asked).map(({ text, left }) =>
    needs(text, lacking(full, { approvals: left(full.governance?.approvals ?? []) })),
  );
}

function granted(policies: readonly Policy[], words: Vocabulary, full: DecisionRequest): readonly Variation[] {
  const rules = policies
    .flatMap((policy) => policy.rules)
    .filter(({ on }) => (on as readonly string[]).includes(full.action));
  const grants = rules.flatMap(({ grant }) => grant ?? []);
  const grant = full.governance?.grant;
  if (grants.length === 0 || !grant) return [];
  const ages = distinct(grants.map(({ maxMs }) => maxMs));
  return [
    needs("granted access", lacking(full, { grant: undefined })),
    ...fewer(
      policies,
      words,
      grants.map(({ approvals }) => approvals),
    ).map(({ text, left }) =>
      needs(`${text} of access`, lacking(full, { grant: { ...grant, approvals: left(grant.approvals) } })),
    ),
    ...ages.map((ms) =>
      needs(`access granted within ${formatDuration(ms)}`, lacking(full, { grant: { ...grant, ageMs: ms + 1 } })),
    ),
  ];
}

function stated(policies: readonly Policy[], words: Vocabulary, full: DecisionRequest): readonly Variation[] {
  const rules = policies
    .flatMap((policy) => policy.rules)
    .filter(({ on }) => (on as readonly string[]).includes(full.action));
  const gates = full.action === "artifact.promote" ? policies.flatMap((policy) => policy.gates) : [];
  const asked = new Set([...rules, ...gates].flatMap(({ evidence }) => evidence));
  return [...words.evidence.keys()]
    .filter((kind) => asked.has(kind))
    .flatMap((kind) => {
      const all = full.governance?.evidence ?? [];
      const rest = all.filter((each) => each.kind !== kind);
      return [
        needs(kind, lacking(full, { evidence: rest })),
        needs(`${kind} by somebody else than its pusher`, lacking(full, { pushedBy: statedId(kind) })),
      ];
    });
}

/** After having done something else with the same artifact. */
function separated(policies: readonly Policy[], full: DecisionRequest): readonly Variation[] {
  const acts = new Set(
    policies
      .flatMap(({ separate }) => separate)
      .filter(({ cannot }) => cannot === full.action)
      .map(({ who }) => who),
  );
  return [...acts].map((act) => {
    const pushedBy = act === "artifact.push" ? full.member : PUSHER;
    return when(`after one's own ${act}`, lacking(full, { did: [act], pushedBy }));
  });
}

/** Quotas and reviews, in the amounts that either policy names. */
function used(policies: readonly Policy[], full: DecisionRequest): readonly Variation[] {
  const ages = distinct(policies.flatMap(({ accessReview }) => accessReview?.everyMs ?? []));
  return ages.map((ms) =>
    needs(`a review of access within ${formatDuration(ms)}`, lacking(full, { reviewAgeMs: ms + 1 })),
  );
}
