// What trying out a policy takes and gives: its cases, what differs from another, what it would have said before.
import type { PolicyProblem } from "./policy.ts";

/** A policy to be tried: a file, the number of a version that took force (`7` or `v7`), or `@in-force`. */
export type PolicyName = string;

export interface PolicyTestOptions {
  /** Test file; by default `cloister.policy.test.yaml` beside the project's policy file. */
  readonly cases?: string | undefined;
  /** Default: the project's policy file. */
  readonly policy?: PolicyName | undefined;
  /** Also look for what could be removed from the policy without any case failing. */
  readonly mutate?: boolean | undefined;
}

export interface PolicyTested {
  /** The test file. */
  readonly file: string;
  /** The policy that was tested. */
  readonly policy: string;
  /** Mistakes in the test file; with an error among them, no case was run. */
  readonly problems: readonly PolicyProblem[];
  readonly ok: boolean;
  readonly results: readonly PolicyCaseResult[];
  /** Where it was asked for, and every case passed. */
  readonly mutation?: PolicyMutation;
}

export interface PolicyCaseResult {
  readonly name: string;
  /** In the test file. */
  readonly line: number;
  readonly passed: boolean;
  readonly who: string;
  readonly action: string;
  readonly expect: "allow" | "deny";
  /** Rule that the case expects to decide. */
  readonly rule: string | undefined;
  readonly allow: boolean;
  /** What decided, with lines of the policy. */
  readonly decided: readonly { readonly rule: string; readonly line: number | undefined; readonly why: string }[];
}

export interface PolicyMutation {
  readonly tried: number;
  /** What can be removed, by its path in the policy file, without any case failing. */
  readonly survivors: readonly { readonly what: string; readonly line: number }[];
}

export interface PolicyDiffOptions {
  /** Default: the policy in force. */
  readonly before?: PolicyName | undefined;
  /** Default: the project's policy file. */
  readonly after?: PolicyName | undefined;
}

export interface PolicyDiff {
  readonly before: { readonly policy: string; readonly version: number };
  readonly after: { readonly policy: string; readonly version: number };
  /** Whether nothing was found that differs: neither an answer, nor people, places and times. */
  readonly same: boolean;
  /** Answers that differ, then what is said differently about people, places and times. */
  readonly changes: readonly PolicyChange[];
  /** Questions that both were asked. */
  readonly asked: number;
}

export interface PolicyChange {
  /** `+`: an allowance, a need, a person is there that was not; `-`: it is gone; `~`: it is another. */
  readonly sign: "+" | "-" | "~";
  /** Whether more is allowed by it, or less. */
  readonly direction: "wider" | "narrower" | "other";
  readonly text: string;
}

export interface PolicySimulateOptions {
  /** Default: the project's policy file. */
  readonly policy?: PolicyName | undefined;
  /** How far back, in ms. */
  readonly sinceMs: number;
}

export interface PolicySimulated {
  readonly policy: string;
  /** ISO 8601. */
  readonly since: string;
  /** Entries that were decided again. */
  readonly replayed: number;
  /** Done then, and refused by this policy. */
  readonly refused: readonly SimulatedEntry[];
  /** Refused then, and allowed by this policy. */
  readonly allowed: readonly SimulatedEntry[];
  /** Done then, and refused or not by what the log does not tell. */
  readonly unclear: readonly SimulatedEntry[];
  /** What was not known of how many entries, and taken as it was. */
  readonly notKnown: readonly string[];
}

export interface SimulatedEntry {
  readonly entry: number;
  readonly time: string;
  readonly member: string;
  readonly action: string;
  readonly domain: string | undefined;
  readonly class: string | undefined;
  /** What decides it now, with lines of this policy. */
  readonly rules: readonly { readonly rule: string; readonly line: number | undefined; readonly why: string }[];
}
