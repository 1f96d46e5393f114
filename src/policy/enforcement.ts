// How strongly an answer holds with a folder as the store, said honestly; docs/policy.md explains the words.
import { type Action, scopeOf } from "./actions.ts";
import type { Condition } from "./compiled.ts";
import { kmsKeyOf } from "./kms-key.ts";
import type { DecisionRequest } from "./request.ts";
import type { Policy } from "./schema.ts";

/** From the strongest to the weakest. */
const STRENGTH = ["cryptographic + server", "cryptographic", "refused by every reader", "sandbox", "advisory"] as const;
export type Enforcement = (typeof STRENGTH)[number];

/** What stands behind an answer about who may do this at all. */
function enforcementOf(action: Action): Enforcement {
  switch (action) {
    // Without the key of the (domain, class), of the names, or of the audit details, there is nothing to read.
    case "artifact.pull":
    case "artifact.read-metadata":
    case "workspace.mount":
    case "secret.read":
    case "audit.read":
    // Without an owner's signature there is no new version.
    case "policy.change":
    case "member.add":
      return "cryptographic";
    case "workspace.run":
      return "sandbox";
    case "break-glass.consent":
    case "break-glass.review":
      return "refused by every reader";
    case "workspace.create":
    case "workspace.destroy":
    case "share.revoke":
    case "policy.read":
      return "advisory";
    default:
      return writes(action) ? "refused by every reader" : "advisory";
  }
}

/** {@link enforcementOf} in a class. Where it is under KMS, AWS decides about each key too, and can stop at any time. */
export function enforcementIn(policy: Policy, action: Action, klass: string | undefined): Enforcement {
  const stands = enforcementOf(action);
  const underKms = klass !== undefined && kmsKeyOf(policy, klass) !== undefined;
  return stands === "cryptographic" && underKms ? "cryptographic + server" : stands;
}

/** What stands behind one unmet condition. */
export function enforcementOfCondition(
  policy: Policy,
  condition: Condition,
  { action, class: klass, governance }: Pick<DecisionRequest, "action" | "class" | "governance">,
): Enforcement {
  switch (condition.kind) {
    case "label-flow":
    case "epoch":
      return "refused by every reader";
    case "grant":
      // Where keys are released, nobody has the whole key before. Otherwise whoever holds the key of the class has it.
      return condition.keys ? enforcementIn(policy, "artifact.pull", klass) : "advisory";
    case "suspended":
    case "expired":
    case "refuse":
    case "field":
    case "provenance":
    case "approvals":
    case "destination":
    case "evidence":
    case "gate-order":
    case "separate":
    case "retired":
    case "service":
    case "review-lapsed":
      // What crosses into another domain becomes a version there, and counts only with its export.
      if (action === "artifact.export" && governance?.destination?.startsWith("domain:"))
        return "refused by every reader";
      // Readers check what was written by the policy then in force. Reading leaves nothing to check: who was handed a
      // key keeps it until the domain's keys are rotated.
      return writes(action) ? "refused by every reader" : "advisory";
    default:
      return "advisory";
  }
}

/** What is read leaves nothing to check, and what was taken out even less. */
const READS: readonly Action[] = [
  ...(["artifact.pull", "artifact.read-metadata", "workspace.mount", "secret.read"] as const),
  ...(["artifact.export", "share.create", "creds.issue"] as const),
];

/** Actions that leave something in the store that every reader judges. */
function writes(action: Action): boolean {
  if (action === "policy.change" || action === "member.add") return true;
  return scopeOf(action) === "artifact" && !READS.includes(action);
}

/** The strongest of them; `advisory` for none. */
export function strongest(all: readonly string[]): Enforcement {
  return STRENGTH.find((each) => all.includes(each)) ?? "advisory";
}
