// The schema for editors, against the files that the reader accepts and some that it refuses. It is checked with the part of
// JSON Schema that it uses, read here anew.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import type { Json } from "../../src/base/json.ts";
import { FILE_KEYS } from "../../src/policy/file-keys.ts";
import { policySchema } from "../../src/policy/json-schema.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { EXAMPLE } from "./example.ts";
import { SAMPLE } from "./sample.ts";
import { WRONG_GOVERNANCE } from "./wrong-governance.ts";

type Schema = { readonly [key: string]: Json };
const schema = policySchema() as Schema;

const KNOWN = [
  ...["$schema", "$defs", "$ref", "title", "description", "type", "enum", "const", "pattern", "minimum", "maximum"],
  ...["items", "uniqueItems", "minItems", "properties", "additionalProperties", "propertyNames", "required", "anyOf"],
];

/** What is wrong with a value, as paths. */
function faults(value: unknown, by: Json, path: string): string[] {
  const rule = (by as Schema)["$ref"] === undefined ? (by as Schema) : definition(String((by as Schema)["$ref"]));
  const here: string[] = [];
  const need = (holds: boolean, what: string): void => {
    if (!holds) here.push(`${path}: ${what}`);
  };
  if ("const" in rule) need(value === rule["const"], "const");
  if ("enum" in rule) need((rule["enum"] as Json[]).includes(value as Json), "enum");
  if ("anyOf" in rule)
    need(
      (rule["anyOf"] as Json[]).some((each) => faults(value, each, path).length === 0),
      "anyOf",
    );
  if ("type" in rule) need(typeOf(value).includes(String(rule["type"])), `no ${String(rule["type"])}`);
  if ("pattern" in rule && typeof value === "string") need(new RegExp(String(rule["pattern"])).test(value), "pattern");
  if ("minimum" in rule) need(Number(value) >= Number(rule["minimum"]), "minimum");
  if ("maximum" in rule) need(Number(value) <= Number(rule["maximum"]), "maximum");
  if (Array.isArray(value)) return [...here, ...faultsOfList(value, rule, path)];
  return typeOf(value).includes("object") ? [...here, ...faultsOfMap(value as object, rule, path)] : here;
}

function faultsOfList(values: readonly unknown[], rule: Schema, path: string): string[] {
  const few = values.length < Number(rule["minItems"] ?? 0) ? [`${path}: minItems`] : [];
  const twice = rule["uniqueItems"] === true && new Set(values).size < values.length ? [`${path}: uniqueItems`] : [];
  const items = rule["items"];
  return [
    ...few,
    ...twice,
    ...values.flatMap((each, at) => (items ? faults(each, items, `${path}/${String(at)}`) : [])),
  ];
}

function faultsOfMap(map: object, rule: Schema, path: string): string[] {
  const missing = ((rule["required"] ?? []) as string[]).filter((key) => !Object.hasOwn(map, key));
  const own = (rule["properties"] ?? {}) as Schema;
  const others = rule["additionalProperties"];
  return [
    ...missing.map((key) => `${path}: no ${key}`),
    ...Object.entries(map).flatMap(([key, value]) => {
      const at = `${path}/${key}`;
      if (own[key] !== undefined) return faults(value, own[key], at);
      const named = rule["propertyNames"] ? faults(key, rule["propertyNames"], `${at} (its name)`) : [];
      if (others === false) return [`${at}: unknown`];
      return [...named, ...(others === undefined ? [] : faults(value, others, at))];
    }),
  ];
}

function typeOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return ["array"];
  if (typeof value === "number") return Number.isInteger(value) ? ["integer", "number"] : ["number"];
  return value === null ? ["null"] : [typeof value];
}

function definition(ref: string): Schema {
  const found = (schema["$defs"] as Schema)[ref.replace("#/$defs/", "")];
  if (found === undefined) throw new Error(`no ${ref}`);
  return found as Schema;
}

function check(text: string): string[] {
  return faults(parse(text, { version: "1.2", schema: "core" }), schema, "");
}

function template(name: string): string {
  const text = readFileSync(new URL(`../../templates/${name}/cloister.policy.yaml`, import.meta.url), "utf8");
  return text.replace(/\{\{id\}\}/g, `"${"0".repeat(32)}"`).replace(/\{\{(signs|reads)\}\}/g, (_, key: string) => {
    return key === "signs" ? `"p256:${"A".repeat(44)}"` : `"age1${"q".repeat(58)}"`;
  });
}

type Path = readonly (string | number)[];

/** Every key and item below a value; the people's keys, which look all alike, once. */
function pathsOf(value: unknown, above: Path = []): readonly Path[] {
  if (
    value === null ||
    typeof value !== "object" ||
    (above[0] === "members" && above.length === 2 && above[1] !== "priya")
  )
    return [];
  const keys = Array.isArray(value) ? value.keys() : Object.keys(value);
  return [...keys].flatMap((key) => {
    const path = [...above, key];
    return [path, ...pathsOf((value as Record<string | number, unknown>)[key], path)];
  });
}

function remove(file: object, path: Path): void {
  const last = path.at(-1) ?? "";
  const holder = path.slice(0, -1).reduce((at, key) => (at as Record<string | number, object>)[key] as object, file);
  if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else delete (holder as Record<string, unknown>)[last];
}

describe("the JSON Schema of the file", () => {
  it("uses only what is checked here, and every definition", () => {
    const text = JSON.stringify(schema);
    const visit = (json: Json, inProperties: boolean): void => {
      if (Array.isArray(json)) for (const item of json) visit(item, false);
      else if (json !== null && typeof json === "object") {
        for (const [key, value] of Object.entries(json as Schema)) {
          if (!inProperties) expect(KNOWN).toContain(key);
          if (key !== "enum" && key !== "required")
            visit(value, !inProperties && (key === "properties" || key === "$defs"));
        }
      }
    };
    visit(schema, false);
    for (const name of Object.keys(FILE_KEYS)) {
      if (name !== "policy") expect(text).toContain(`"#/$defs/${name}"`);
    }
  });

  it.each([
    ["the example", EXAMPLE],
    ["the sample", SAMPLE],
  ])("accepts %s", (_, text) => {
    expect(check(text)).toEqual([]);
  });

  it("accepts a template", () => {
    const text = template("solo").replace(/\{\{[a-z]+\}\}/g, "word");
    expect(check(text).filter((fault) => !fault.startsWith("/expires"))).toEqual([]);
  });

  it.each([
    ["an unknown key", "rules:  ", "rulez:  ", "/rulez: unknown"],
    ["an unknown action", "can: [audit.read,", "can: [audit.reed,", "/roles/security-officer/can/0: enum"],
    ["a member without keys", 'signs: "p256', 'sings: "p256', "/members/ana: no signs"],
    ["a gate that is none", "dev -> candidate: ", "dev to candidate: ", "/gates/dev to candidate (its name): pattern"],
    ["a time without a unit", "label-floor: 30d", "label-floor: 30", "/always/label-floor: no string"],
    ["retention without an end", "  then: shred-keys", "", "/retention: no then"],
    [
      "half an approval",
      "approvals: { data-owner: 1 }",
      "approvals: { data-owner: 0.5 }",
      "/rules/declassify-needs-owner/require/approvals/data-owner: no integer",
    ],
  ])("refuses %s", (_, from, to, fault) => {
    expect(EXAMPLE).toContain(from);
    expect(check(EXAMPLE.replace(from, to))).toContain(fault);
  });

  it("refuses nothing that the reader accepts, with any part of the example left out", () => {
    const refused: string[] = [];
    let accepted = 0;
    for (const path of pathsOf(parse(EXAMPLE))) {
      const file = parse(EXAMPLE);
      remove(file, path);
      const text = stringify(file, { aliasDuplicateObjects: false });
      if (readPolicy(Buffer.from(text), { now: 0 }).problems.some(({ severity }) => severity === "error")) continue;
      accepted++;
      if (check(text).length > 0) refused.push(`${path.join("/")}: ${check(text).join()}`);
    }
    expect(refused).toEqual([]);
    expect(accepted).toBeGreaterThan(50);
  });

  it("knows every key whose misspelling the reader complains of, but for the project's own names", () => {
    const misspelt = WRONG_GOVERNANCE.filter(
      ([, , , , message]) => message.startsWith("unknown key") && !message.endsWith("in retention"),
    );
    expect(misspelt.length).toBeGreaterThan(5);
    for (const [what, from, to] of misspelt) {
      expect({ what, faults: check(EXAMPLE.replace(from, to)).length > 0 }).toEqual({ what, faults: true });
    }
  });
});
