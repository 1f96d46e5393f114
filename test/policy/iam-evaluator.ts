// The part of IAM's evaluation that the emitted documents use, written from AWS's description of it
// (docs.aws.amazon.com/IAM, "Policy evaluation logic" and "IAM JSON policy elements"). What it does not know, it refuses
// to judge: an operator or element that is new here is an error and no silent yes.
import type { PolicyDocument, Statement } from "../../src/policy/aws/document.ts";

export interface IamRequest {
  /** `s3:GetObject`. */
  readonly action: string;
  /** ARN. */
  readonly resource: string;
  /** Condition keys of the request; what is not here is not known. */
  readonly context: Readonly<Record<string, string | readonly string[]>>;
  /** ARN of the principal, for documents that name one. */
  readonly principal?: string;
}

/** Which kinds of documents apply. Undefined: there is none of that kind. */
export interface Documents {
  /** Policy of the role. */
  readonly identity: PolicyDocument;
  /** Inline session policy. */
  readonly session?: PolicyDocument | undefined;
  /** Policy of the bucket; it can allow by itself, and so can the identity's, within an account. */
  readonly bucket?: PolicyDocument | undefined;
  /** Policy of the key, without which nothing is allowed on a key. */
  readonly key?: PolicyDocument | undefined;
}

export function allowed({ identity, session, bucket, key }: Documents, request: IamRequest): boolean {
  const all = [identity, session, bucket, key].filter((document) => document !== undefined);
  if (all.some((document) => says(document, "Deny", request))) return false;
  if (session && !says(session, "Allow", request)) return false;
  if (key) return says(key, "Allow", request) && says(identity, "Allow", request);
  return says(identity, "Allow", request) || (bucket !== undefined && says(bucket, "Allow", request));
}

/** Whether one document alone allows, and nothing in it denies. */
export function documentAllows(document: PolicyDocument, request: IamRequest): boolean {
  return says(document, "Allow", request) && !says(document, "Deny", request);
}

const ELEMENTS = new Set(["Sid", "Effect", "Principal", "Action", "Resource", "Condition"]);

function says(document: PolicyDocument, effect: Statement["Effect"], request: IamRequest): boolean {
  if (document.Version !== "2012-10-17") throw new Error(`version ${String(document.Version)}`);
  return document.Statement.some((statement) => statement.Effect === effect && applies(statement, request));
}

function applies(statement: Statement, request: IamRequest): boolean {
  for (const element of Object.keys(statement)) if (!ELEMENTS.has(element)) throw new Error(`element ${element}`);
  const { Action, Resource, Condition = {}, Principal } = statement;
  return (
    list(Action).some((pattern) => matches(pattern.toLowerCase(), request.action.toLowerCase())) &&
    (Resource === undefined || list(Resource).some((pattern) => matches(pattern, request.resource))) &&
    (Principal === undefined || isPrincipal(Principal, request.principal)) &&
    Object.entries(Condition).every(([operator, keys]) =>
      Object.entries(keys).every(([key, values]) => holds(operator, key, list(values), request.context)),
    )
  );
}

function isPrincipal(principal: NonNullable<Statement["Principal"]>, asking: string | undefined): boolean {
  if (principal === "*") return true;
  if (asking === undefined) throw new Error("a document with a principal, and no principal asks");
  const account = /^arn:[^:]+:iam::\d{12}:/.exec(asking)?.[0] ?? "";
  return Object.values(principal).some((named) =>
    list(named).some((arn) => arn === asking || arn === `${account}root`),
  );
}

type Context = IamRequest["context"];

function holds(operator: string, key: string, wanted: readonly string[], context: Context): boolean {
  const given = context[key];
  if (operator === "Null") return wanted.includes(String(given === undefined));
  const qualified = /^(ForAllValues|ForAnyValue):(\w+)$/.exec(operator);
  if (qualified) {
    const [, quantifier, base = ""] = qualified;
    const values = given === undefined ? [] : list(given);
    const fits = (value: string): boolean => compare(base, value, wanted, context);
    return quantifier === "ForAllValues" ? values.every(fits) : values.some(fits);
  }
  if (operator.endsWith("IfExists")) {
    return given === undefined || holds(operator.slice(0, -"IfExists".length), key, wanted, context);
  }
  if (given === undefined) return NEGATED.has(operator);
  if (typeof given !== "string") throw new Error(`${key} has many values and no quantifier`);
  return compare(operator, given, wanted, context);
}

/** Hold where the key is missing, because then it is not equal. */
const NEGATED = new Set(["StringNotEquals", "ArnNotEquals"]);

function compare(operator: string, given: string, wanted: readonly string[], context: Context): boolean {
  const values = wanted.flatMap((value) => resolved(value, context));
  switch (operator) {
    case "StringEquals":
    case "Bool":
      return values.includes(given);
    case "StringNotEquals":
      return !values.includes(given);
    case "StringLike":
      return values.some((pattern) => matches(pattern, given));
    case "ArnNotEquals":
      return !values.some((pattern) => matches(pattern, given));
    case "NumericLessThanEquals":
      return values.some((value) => Number(given) <= Number(value));
    case "DateLessThan":
      return values.some((value) => Date.parse(given) < Date.parse(value));
    case "DateGreaterThanEquals":
      return values.some((value) => Date.parse(given) >= Date.parse(value));
    default:
      throw new Error(`operator ${operator}`);
  }
}

/** Policy variables; a text with one that the request does not know equals nothing. */
function resolved(value: string, context: Context): readonly string[] {
  let known = true;
  const text = value.replace(/\$\{([^}]+)\}/g, (_, name: string) => {
    if (name === "$") return "$";
    const found = context[name];
    if (typeof found !== "string") known = false;
    return String(found);
  });
  return known ? [text] : [];
}

/** `*` is any text, `?` any one character, `/` and `:` included. */
function matches(pattern: string, text: string): boolean {
  const known = COMPILED.get(pattern);
  if (known) return known.test(text);
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const compiled = new RegExp(`^${source}$`, "s");
  COMPILED.set(pattern, compiled);
  return compiled.test(text);
}

const COMPILED = new Map<string, RegExp>();

function list(value: string | readonly string[]): readonly string[] {
  return typeof value === "string" ? [value] : value;
}
