// Cedar itself: loaded at the first decision, policies parsed once per process.
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { Schema, StatefulAuthorizationCall } from "@cedar-policy/cedar-wasm/nodejs";
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

/** Loads Cedar; about 10 ms the first time. */
export async function loadCedar(): Promise<Evaluator> {
  loaded ??= load();
  return loaded;
}

function load(): Evaluator {
  // 4 MB of WebAssembly that runs for a few milliseconds: V8's baseline compiler alone takes a third less of the start.
  setFlagsFromString("--liftoff-only");
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
  readonly #parsed = new WeakMap<CompiledPolicy, Map<PolicySetName, string>>();
  #count = 0;

  constructor(cedar: Cedar) {
    this.#cedar = cedar;
  }

  ask(compiled: CompiledPolicy, set: PolicySetName, request: CedarRequest): CedarAnswer {
    const name = this.#parse(compiled, set);
    const answer = this.#cedar.statefulIsAuthorized({
      ...request,
      preparsedPolicySetId: name,
      preparsedSchemaName: name,
      validateRequest: true,
    });
    if (answer.type !== "success") {
      return { allow: false, reasons: [], errors: answer.errors.map((error) => error.message) };
    }
    const { decision, diagnostics } = answer.response;
    const errors = diagnostics.errors.map(({ policyId, error }) => `${policyId}: ${error.message}`);
    return { allow: decision === "allow", reasons: diagnostics.reason, errors };
  }

  #parse(compiled: CompiledPolicy, set: PolicySetName): string {
    const names = this.#parsed.get(compiled) ?? new Map<PolicySetName, string>();
    const known = names.get(set);
    if (known !== undefined) return known;
    const name = `${set}-${String(++this.#count)}`;
    for (const answer of [
      this.#cedar.preparseSchema(name, compiled.cedar.schema as Schema),
      this.#cedar.preparsePolicySet(name, { staticPolicies: compiled.cedar[set] }),
    ]) {
      if (answer.type !== "success") throw new Error(answer.errors.map((error) => error.message).join("; "));
    }
    this.#parsed.set(compiled, names.set(set, name));
    return name;
  }
}
