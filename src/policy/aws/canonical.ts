// Documents as AWS gives them back: the same policy in another spelling is the same policy.
import { CloisterError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";

/** One effect of one statement, in one spelling: what is left after lists, orders, cases and ids no longer matter. */
export interface Clause {
  readonly effect: "Allow" | "Deny";
  /** `AWS arn:…`, `*`; empty for documents of roles, which have no principal. */
  readonly principals: readonly string[];
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  /** `StringEquals s3:prefix = a`, one for each key, sorted. */
  readonly conditions: readonly string[];
}

const KNOWN = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];

/**
 * Reads a policy document: an object, its JSON text, or that text URL-encoded as IAM's API returns it.
 *
 * @throws {@link CloisterError} USAGE where it is none
 */
export function clausesOf(value: Json | undefined, what: string): readonly Clause[] {
  const document = typeof value === "string" ? parsed(value, what) : value;
  const statements = isObject(document) ? document["Statement"] : undefined;
  if (!isObject(document) || statements === undefined) throw unreadable(what, "it has no Statement");
  const version = document["Version"] ?? "2008-10-17";
  return listOf(statements).map((statement) => {
    if (!isObject(statement)) throw unreadable(what, "a statement is no object");
    const { Effect: effect } = statement;
    if (effect !== "Allow" && effect !== "Deny") throw unreadable(what, "a statement has no Effect");
    const odd = Object.keys(statement).filter((key) => !KNOWN.includes(key));
    return {
      effect,
      principals: principalsOf(statement["Principal"]),
      // Names of actions have no case.
      actions: sorted(textsOf(statement["Action"]).map((action) => action.toLowerCase())),
      resources: sorted(textsOf(statement["Resource"])),
      conditions: sorted([
        ...conditionsOf(statement["Condition"]),
        // An older version has no variables, and elements such as NotAction are never ours: both show up as different.
        ...(version === "2012-10-17" ? [] : [`Version ${textOf(version)}`]),
        ...odd.map((key) => `${key} ${textsOf(statement[key]).join(", ")}`),
      ]),
    };
  });
}

function parsed(text: string, what: string): Json {
  for (const candidate of [text, decoded(text)]) {
    try {
      return JSON.parse(candidate) as Json;
    } catch {
      // The other spelling, then.
    }
  }
  throw unreadable(what, "it is no JSON");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}

function principalsOf(value: Json | undefined): readonly string[] {
  if (value === undefined) return [];
  if (!isObject(value)) return sorted(textsOf(value));
  const named = Object.entries(value).flatMap(([kind, names]) => textsOf(names).map((name) => principalOf(kind, name)));
  return sorted(named);
}

/** `{ "AWS": "*" }` is everybody, and an account may be written as its number. */
function principalOf(kind: string, name: string): string {
  if (kind === "AWS" && name === "*") return "*";
  return kind === "AWS" && /^\d{12}$/.test(name)
    ? `AWS account ${name}`
    : `${kind} ${name.replace(/^arn:[^:]+:iam::(\d{12}):root$/, "account $1")}`;
}

function conditionsOf(value: Json | undefined): readonly string[] {
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([operator, keys]) =>
    isObject(keys)
      ? Object.entries(keys).map(
          ([key, values]) => `${operator} ${key.toLowerCase()} = ${sorted(textsOf(values)).join(", ")}`,
        )
      : [`${operator} ${textOf(keys)}`],
  );
}

function textsOf(value: Json | undefined): readonly string[] {
  return value === undefined ? [] : listOf(value).map(textOf);
}

/** AWS gives booleans and numbers back as text. */
function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function listOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [value];
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

export function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unreadable(what: string, why: string): CloisterError {
  return new CloisterError("USAGE", `the deployed ${what} cannot be read`, {
    why,
    next: "write it again with the command from: cloister policy verify aws --commands",
  });
}
