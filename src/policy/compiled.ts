// The compiled policy as it is kept in a cache: plain JSON, with everything that deciding needs and no YAML.

import { sha256Hex } from "../base/digest.ts";
import type { Json } from "../base/json.ts";
import type { Action, RoleAction } from "./actions.ts";
import type { PolicyJson } from "./cedar-json.ts";
import type { Approvals } from "./governance.ts";
import type { Field, Policy } from "./schema.ts";
import type { UsePart } from "./workspace-use.ts";

/**
 * Names what `compile.ts` makes of a policy. It changes whenever the same policy compiles to something else, so that a
 * newer tool does not decide by what an older one cached; `test/policy/compiled.test.ts` holds the two together.
 */
export const COMPILED_FORMAT = "cloister/compiled-policy@13";

/** What a role grants besides what its workspaces may use. */
export const ROLE_PARTS = [
  ...(["held", "domain", "class", "stage", "purpose", "ttl", "open", "disk"] as const),
  ...(["credential-ttl", "pulled", "exports", "break-glass"] as const),
] as const;
type RolePart = (typeof ROLE_PARTS)[number];

/** One part of what a role grants: it must hold, beside the others, for the role to allow an action. */
export interface Clause {
  /** Id of the Cedar policy that tells whether this part alone holds. */
  readonly id: string;
  readonly part: RolePart | UsePart;
}

/** One holding of a role (`data-owner`, `data-owner@churn`) as a Cedar `permit`. */
export interface Grant {
  /** Id of the Cedar policy. */
  readonly id: string;
  readonly role: string;
  readonly domain: string | undefined;
  readonly line: number;
  readonly actions: readonly Action[];
  readonly clauses: readonly Clause[];
}

/** What a `forbid` asks for; `refusal.ts` puts it into words. */
export type Condition =
  | { readonly kind: "suspended" | "expired" | "purpose-needed" | "purpose-known" | "label-flow" | "epoch" }
  | { readonly kind: "purpose-ended"; readonly purpose: string }
  | { readonly kind: "justification"; readonly charsMin: number }
  | { readonly kind: "mfa"; readonly withinMs: number }
  | { readonly kind: "refuse"; readonly text: string }
  | { readonly kind: "field"; readonly field: Field }
  | { readonly kind: "provenance" }
  | PastCondition
  | { readonly kind: "approvals"; readonly needs: Approvals["needs"] }
  | { readonly kind: "grant"; readonly needs: Approvals["needs"]; readonly maxMs: number; readonly keys: boolean }
  | { readonly kind: "evidence"; readonly evidence: string }
  | { readonly kind: "destination"; readonly patterns: readonly string[] };

/** What happened before, with the version or the member, and refuses now. */
export type PastCondition =
  | { readonly kind: "retired" | "held" | "service" | "gate-order" | "review-lapsed" | "unreviewed" }
  | SeparateCondition;

export interface SeparateCondition {
  readonly kind: "separate";
  readonly who: RoleAction;
  readonly above: string | undefined;
}

/** A Cedar `forbid`, with what its refusal has to say. */
export interface Guardrail {
  readonly id: string;
  /** The rule's id as people see it. */
  readonly rule: string;
  readonly line: number | undefined;
  readonly condition: Condition;
}

export interface CompiledPolicy {
  readonly format: typeof COMPILED_FORMAT;
  /** SHA-256 of the YAML bytes, hex. */
  readonly digest: string;
  readonly policy: Policy;
  readonly grants: readonly Grant[];
  readonly guardrails: readonly Guardrail[];
  readonly cedar: {
    /** The policies that decide, by id. */
    readonly decide: Readonly<Record<string, PolicyJson>>;
    /** The parts of every grant as policies of their own, by id: asked only to explain a refusal. */
    readonly explain: Readonly<Record<string, PolicyJson>>;
    readonly schema: Json;
    /** Entities that are the same in every request. */
    readonly entities: Json;
  };
  /** SHA-256 of the JSON of everything else here, hex. */
  readonly sum: string;
}

/** Completes a compiled policy with its checksum. */
export function sealCompiled(compiled: Omit<CompiledPolicy, "sum">): CompiledPolicy {
  return { ...compiled, sum: checksum(compiled) };
}

/**
 * A compiled policy from a cache, or undefined where it is damaged, was made by another version of the compiler, or
 * stands for other YAML bytes than `digest`. The checksum notices damage and edits, not a forger who can write to the
 * caller's own cache folder: that one can replace the whole tool.
 *
 * @param digest SHA-256 (hex) of the policy that is to be decided by
 */
export function parseCompiled(bytes: Uint8Array, digest: string): CompiledPolicy | undefined {
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as CompiledPolicy;
    if (value.format !== COMPILED_FORMAT || value.digest !== digest) return undefined;
    const { sum, ...rest } = value;
    return sum === checksum(rest) ? value : undefined;
  } catch {
    return undefined;
  }
}

function checksum(compiled: Omit<CompiledPolicy, "sum">): string {
  // Not canonical JSON, which takes ten times as long: reading keeps the order of members, so writing gives it back.
  return sha256Hex(JSON.stringify(compiled));
}
