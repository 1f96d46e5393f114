// Patterns of destinations in the policy file: what a star may stand for.
import { destinationProblem } from "./destination.ts";
import { nearest } from "./near.ts";
import { quote } from "./yaml-tree.ts";

/** A complaint about a pattern of the policy. */
export interface PatternProblem {
  readonly message: string;
  readonly hint: string;
}

/**
 * Why a pattern cannot be in `destination`; undefined where it can. A star stands for any text, so it must not stand
 * where it would let a bucket, or a folder, of another name in.
 */
export function patternProblem(pattern: string, domains: readonly string[]): PatternProblem | undefined {
  const [, scheme = ""] = /^(s3:\/\/|s3\+https?:\/\/|domain:|file:|share:)/.exec(pattern) ?? [];
  if (scheme === "") {
    const message = `${quote(pattern)} is no destination`;
    return { message, hint: "write s3://bucket/*, domain:NAME, file:/folder/* or share:age1…" };
  }
  const rest = pattern.slice(scheme.length);
  if (scheme === "domain:" && rest !== "*" && !domains.includes(rest)) {
    const near = nearest(rest, domains);
    return {
      message: `unknown domain ${quote(rest)}`,
      hint: near === undefined ? `known: ${domains.join(", ")}` : `did you mean ${near}?`,
    };
  }
  const stars = rest.split("*").length - 1;
  const end = stars === 0 || (stars === 1 && rest.endsWith("*"));
  const whole = scheme.startsWith("s3") || scheme === "file:" ? rest.endsWith("/*") : rest === "*";
  if (!end || (stars === 1 && !whole)) {
    const message = `the star in ${quote(pattern)} would let others in`;
    return { message, hint: scheme === "share:" ? "write share:*" : `write ${scheme}${rest.split("*")[0] ?? ""}/*` };
  }
  // What stands before the star must be a destination itself, as every destination is normalised.
  const sample =
    stars === 0
      ? pattern
      : `${pattern.slice(0, -1)}${scheme === "share:" ? "age1q" : scheme === "domain:" ? "a" : "x"}`;
  const problem = destinationProblem(sample);
  return problem === undefined
    ? undefined
    : { message: `${quote(pattern)} can never fit: ${problem}`, hint: "write it plainly" };
}
