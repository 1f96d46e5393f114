// What is refused whatever roles and rules say, for what happened before: gates, segregation of duties, what was retired or
// is held, access that was not confirmed, an emergency that nobody reviewed.
import { ACTIONS, type Action, isStaged } from "./actions.ts";
import {
  all,
  any,
  attribute,
  contains,
  context,
  type Expr,
  entityLiteral,
  equal,
  ifHas,
  literal,
  negated,
  principal,
  resource,
  textSet,
  within,
} from "./cedar-json.ts";
import type { Guardrail } from "./compiled.ts";
import { isMet, isStated } from "./consent-guardrails.ts";
import type { Gate } from "./governance.ts";
import { builtInRule, type CompiledGuardrail, guardrail, ruleScope } from "./guardrail.ts";
import type { Policy } from "./schema.ts";

/** Consent and responsibility are a person's. */
const FOR_PEOPLE: readonly Action[] = [
  ...(["request.approve", "policy.change", "member.add", "member.review"] as const),
  ...(["break-glass.invoke", "break-glass.consent", "break-glass.review"] as const),
];

/** What can be done with a version that was retired, besides seeing that it is there. */
const WITH_RETIRED: readonly Action[] = ["artifact.restore", "artifact.retire", "artifact.push"];

/** What stays when access was not confirmed in time: reading, giving up what one has, and what mends it. */
const READ_ONLY: readonly Action[] = [
  ...(["artifact.pull", "artifact.read-metadata", "secret.read", "audit.read", "policy.read"] as const),
  ...(["workspace.destroy", "share.revoke", "member.review", "policy.change"] as const),
];

export function governanceGuardrails(policy: Policy): readonly CompiledGuardrail[] {
  return [
    ...builtIn(policy),
    ...policy.separate.map(({ who, cannot, above, line }) => {
      const about = builtInRule(`separate:${who}:${cannot}`, line, { kind: "separate", who, above });
      const did = contains(attribute(context, "did"), literal(who));
      const higher =
        above === undefined ? [] : [negated(within(attribute(resource, "class"), entityLiteral("Class", above)))];
      return guardrail(about, [cannot], { when: all(...higher, did) });
    }),
    ...gates(policy),
    ...lapses(policy),
  ];
}

function builtIn(policy: Policy): readonly CompiledGuardrail[] {
  const versions = ACTIONS.filter((action) => isStaged(action) && !WITH_RETIRED.includes(action));
  // What is not said to be harmless counts as destroying the keys.
  const harmless = textSet(["retire", "hold", "release"]);
  const destroys = negated(ifHas(context, "retire", (value) => contains(harmless, value), false));
  return [
    guardrail(builtInRule("builtin:service", undefined, { kind: "service" }), FOR_PEOPLE, {
      when: attribute(principal, "service"),
    }),
    guardrail(builtInRule("builtin:retired", undefined, { kind: "retired" }), versions, {
      when: attribute(context, "retired"),
    }),
    guardrail(builtInRule("builtin:hold", undefined, { kind: "held" }), ["artifact.retire"], {
      when: all(attribute(context, "held"), destroys),
    }),
    guardrail(
      builtInRule("builtin:gate", policy.gates[0]?.line, { kind: "gate-order" }),
      ["artifact.promote"],
      // A step that no gate names is none: no stage is skipped, and nothing goes back.
      { unless: any(...policy.gates.map(isStep)) },
    ),
  ];
}

/** Whether this is the step that is to be made. */
function isStep({ from, to }: Gate): Expr {
  const is = (name: string, stage: string): Expr =>
    ifHas(context, name, (value) => equal(value, literal(stage)), false);
  return all(is("stage", from), is("toStage", to));
}

function gates(policy: Policy): readonly CompiledGuardrail[] {
  return policy.gates.flatMap((gate) => {
    const when = isStep(gate);
    // Each stage has one gate that leads to it.
    const rule = `gate:${gate.to}`;
    const about = (suffix: string, condition: Guardrail["condition"]): Guardrail => ({
      ...{ id: `${rule}:${suffix}`, rule, line: gate.line, condition },
    });
    const evidence = gate.evidence.map((kind) =>
      guardrail(about(`evidence:${kind}`, { kind: "evidence", evidence: kind }), ["artifact.promote"], {
        when,
        unless: isStated(kind),
      }),
    );
    if (!gate.approvals) return evidence;
    const approvals = about("approvals", { kind: "approvals", needs: gate.approvals.needs });
    return [...evidence, guardrail(approvals, ["artifact.promote"], { when, unless: isMet(approvals) })];
  });
}

function lapses(policy: Policy): readonly CompiledGuardrail[] {
  const { accessReview, breakGlass } = policy;
  const made: CompiledGuardrail[] = [];
  if (accessReview) {
    const about = builtInRule("builtin:review-lapsed", accessReview.line, { kind: "review-lapsed" });
    const others = ACTIONS.filter((action) => !READ_ONLY.includes(action));
    made.push(guardrail(about, others, { when: attribute(context, "reviewLapsed") }));
  }
  if (!breakGlass) return made;
  const rule = "builtin:unreviewed";
  const unreviewed = attribute(context, "unreviewed");
  const about = builtInRule(rule, breakGlass.line, { kind: "unreviewed" });
  made.push(guardrail(about, ["break-glass.invoke"], { when: unreviewed }));
  for (const granted of policy.rules.filter(({ grant }) => grant !== undefined)) {
    const scope = ruleScope(granted);
    const when = scope ? all(scope, unreviewed) : unreviewed;
    // The emergency itself goes on.
    const unless = attribute(context, "breakGlass");
    made.push(guardrail({ ...about, id: `${rule}:${granted.id}` }, granted.on, { when, unless }));
  }
  return made;
}
