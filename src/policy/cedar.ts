// Cedar itself: loaded at the first decision, policies parsed once per process.
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { CheckParseAnswer, Schema, StatefulAuthorizationCall } from "@cedar-policy/cedar-wasm/nodejs";
import type { CompiledPolicy } from "./compiled.ts";

/** A request in Cedar's terms. */
export type CedarRequest = Pick<
  StatefulAuthorizationCall,
  "principal" | "action" | "resource" | "context" | "entities"
>;

/** What Cedar says: the deciding policies, and what went wrong. Anything in `errors` makes the answer worthless. */
export interface CedarAnswer {
  readonly allow: boolean;
  /** Ids: of the `permit`s where it allows, of the `forbid`s (if any) where it does not. */
  readonly reasons: readonly string[];
  readonly errors: readonly string[];
}

/** Which of a compiled policy's two sets is asked. */
export type PolicySetName = "decide" | "explain";

/** Answers requests by a compiled policy. */
export interface Evaluator {
  ask(compiled: CompiledPolicy, set: PolicySetName, request: CedarRequest): CedarAnswer;
}

type Cedar = typeof import("@cedar-policy/cedar-wasm/nodejs");

let loaded: Evaluator | undefined;

/**
 * Loads Cedar; about 10 ms the first time.
 *
 * @param forMany hundreds of questions are to come: the first takes longer, the others a third of the time
 */
export async function loadCedar(forMany = false): Promise<Evaluator> {
  loaded ??= load(forMany);
  return loaded;
}

function load(forMany: boolean): Evaluator {
  // 4 MB of WebAssembly that runs for a few milliseconds: V8's baseline compiler alone takes a third less of the start.
  if (!forMany) setFlagsFromString("--liftoff-only");
  // The module is as the package lock has it: validating its unused functions too would double the time to load it.
  setFlagsFromString("--wasm-lazy-validation");
  // V8 in Node 20 inlines calls into WebAssembly that became hot, and ends the process (Deoptimizer, "unreachable code") when
  // it has to take that back: after some thousand decisions, as a long listing makes. Where V8 does not know a flag, it
  // complains on standard error.
  if (process.versions.node.startsWith("20.")) setFlagsFromString("--no-turbo-inline-js-wasm-calls");
  // Required, not imported: parsing the package's CommonJS for its names takes as long as compiling it.
  return new CedarEvaluator(createRequire(import.meta.url)("@cedar-policy/cedar-wasm/nodejs") as Cedar);
}

class CedarEvaluator implements Evaluator {
  readonly #cedar: Cedar;
  /** Names that Cedar keeps parsed policies and schemas under. They live as long as the process. */
  readonly #parsed = new WeakMap<CompiledPolicy, Map<string, string>>();
  #count = 0;

  constructor(cedar: Cedar) {
    this.#cedar = cedar;
  }

  ask(compiled: CompiledPolicy, set: PolicySetName, request: CedarRequest): CedarAnswer {
    const { id } = request.action as { readonly id: string };
    const answer = this.#cedar.statefulIsAuthorized({
      ...request,
      preparsedPolicySetId: this.#once(compiled, `${set} ${id}`, (name) =>
        this.#cedar.preparsePolicySet(name, { staticPolicies: aboutAction(compiled.cedar[set], id) }),
      ),
      preparsedSchemaName: this.#once(compiled, "schema", (name) =>
        this.#cedar.preparseSchema(name, compiled.cedar.schema as Schema),
      ),
      validateRequest: true,
    });
    if (answer.type !== "success") {
      return { allow: false, reasons: [], errors: answer.errors.map((error) => error.message) };
    }
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
    return { allow: decision === "allow", reasons: diagnostics.reason, errors };
  }

  /** The name under which Cedar keeps a part of the policy, parsed when it is first asked for. */
  #once(compiled: CompiledPolicy, part: string, parse: (name: string) => CheckParseAnswer): string {
    const names = this.#parsed.get(compiled) ?? new Map<string, string>();
    this.#parsed.set(compiled, names);
    const known = names.get(part);
    if (known !== undefined) return known;
    const name = `${part} ${String(++this.#count)}`;
    const answer = parse(name);
    if (answer.type !== "success") throw new Error(answer.errors.map((error) => error.message).join("; "));
    names.set(part, name);
    return name;
  }
}

/**
 * The policies that can have a say about an action: all others say in their scope that they are about other actions. It
 * halves the time of a decision. What is not understood stays.
 */
export function aboutAction(
  policies: CompiledPolicy["cedar"]["decide"],
  id: string,
): CompiledPolicy["cedar"]["decide"] {
  return Object.fromEntries(Object.entries(policies).filter(([, policy]) => !isElsewhere(policy as Scoped, id)));
}

interface Scoped {
  readonly action?: { readonly op?: unknown; readonly entities?: readonly { readonly id?: unknown }[] };
}

/** Whether the scope lists actions, and this one is not among them. */
function isElsewhere({ action }: Scoped, id: string): boolean {
  const ids = action?.op === "in" ? action.entities?.map((entity) => entity.id) : undefined;
  return ids?.every((each) => typeof each === "string" && each !== id) ?? false;
}
