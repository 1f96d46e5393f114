// A case of a policy's test file: who asks for what, on which facts, and what the answer has to be.
import type { DecisionRequest } from "../request.ts";

export interface PolicyCase {
  readonly name: string;
  /** Where it begins in the test file, 1-based. */
  readonly line: number;
  /** Who asks, as the file writes it: a member, or `role data-owner@churn`. */
  readonly who: string;
  /** Without the time, where the case leaves it to whoever runs it. */
  readonly request: Omit<DecisionRequest, "now"> & { readonly now: number | undefined };
  readonly expect: "allow" | "deny";
  /** The rule that has to be among those that decide; undefined where any will do. */
  readonly rule: string | undefined;
}
