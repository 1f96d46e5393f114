// Statements against the in-toto Statement v1, ResourceDescriptor v1 and SLSA provenance v1 protobuf definitions, read
// as strictly as protobuf's JSON parsers do: every unknown field is an error, every field has its type.
import { describe, expect, test } from "vitest";
import { canonicalJson } from "../../src/base/json.ts";
import { buildStatement } from "../../src/provenance/statement.ts";
import { file, manifest } from "../provenance/sample.ts";

type Check = (value: unknown, at: string) => readonly string[];

const text: Check = (value, at) =>
  typeof value === "string" && Buffer.from(value).toString() === value ? [] : [`${at}: no string`];
/** google.protobuf.Struct: any JSON object. */
const struct: Check = (value, at) => (isObject(value) ? [] : [`${at}: no object`]);
/** google.protobuf.Timestamp: RFC 3339. */
const timestamp: Check = (value, at) =>
  typeof value === "string" && /^\d{4}(-\d\d){2}T\d\d(:\d\d){2}(\.\d{1,9})?Z$/.test(value) ? [] : [`${at}: no time`];
const exactly =
  (expected: string): Check =>
  (value, at) =>
    value === expected ? [] : [`${at}: not ${expected}`];
const listOf =
  (check: Check): Check =>
  (value, at) =>
    Array.isArray(value) ? value.flatMap((item, index) => check(item, `${at}[${index}]`)) : [`${at}: no list`];
const textMap: Check = (value, at) =>
  isObject(value) ? Object.entries(value).flatMap(([key, item]) => text(item, `${at}.${key}`)) : [`${at}: no map`];

function message(fields: Record<string, Check>, required: readonly string[] = []): Check {
  return (value, at) => {
    if (!isObject(value)) return [`${at}: no message`];
    const known = Object.entries(value).flatMap(([key, item]) =>
      Object.hasOwn(fields, key) ? (fields[key]?.(item, `${at}.${key}`) ?? []) : [`${at}.${key}: unknown field`],
    );
    return [...known, ...required.filter((key) => !(key in value)).map((key) => `${at}.${key}: missing`)];
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// in_toto_attestation/v1/resource_descriptor.proto
const descriptorFields = {
  name: text,
  uri: text,
  digest: textMap,
  content: text,
  downloadLocation: text,
  mediaType: text,
  annotations: struct,
};
/** "At least one of uri, digest or content" (resource_descriptor.md). */
const descriptor: Check = (value, at) => [
  ...message(descriptorFields)(value, at),
  ...(isObject(value) && ("uri" in value || "digest" in value || "content" in value) ? [] : [`${at}: names nothing`]),
];
const subject = message(descriptorFields, ["name", "digest"]);

// slsa/v1/provenance.proto
const builder = message({ id: text, version: textMap, builderDependencies: listOf(descriptor) }, ["id"]);
const metadata = message({ invocationId: text, startedOn: timestamp, finishedOn: timestamp });
const provenance = message(
  {
    buildDefinition: message(
      {
        buildType: text,
        externalParameters: struct,
        internalParameters: struct,
        resolvedDependencies: listOf(descriptor),
      },
      ["buildType", "externalParameters"],
    ),
    runDetails: message({ builder, metadata, byproducts: listOf(descriptor) }, ["builder"]),
  },
  ["buildDefinition", "runDetails"],
);

// in_toto_attestation/v1/statement.proto
const statementSchema = message(
  {
    _type: exactly("https://in-toto.io/Statement/v1"),
    subject: listOf(subject),
    predicateType: exactly("https://slsa.dev/provenance/v1"),
    predicate: provenance,
  },
  ["_type", "subject", "predicateType", "predicate"],
);

const problems = (statement: unknown) => statementSchema(statement, "statement");
const written = (content = manifest()) => JSON.parse(canonicalJson(buildStatement(content)));

describe("in-toto and SLSA schemas", () => {
  test("a full statement has no unknown field", () => {
    expect(problems(written())).toEqual([]);
  });

  test("a statement without its optional parts, too", () => {
    const { label, workspace, runs, git, environment, ...rest } = manifest([]);
    expect([label, workspace, runs, git, environment]).not.toContain(undefined);
    expect(problems(written({ ...rest, declared: {}, inputs: [] }))).toEqual([]);
  });

  test("subjects: names are unique, and stay below the 1,024 that verifiers accept", () => {
    const files = Array.from({ length: 1500 }, (_, at) => file(`churn-model/${at}`));
    const statement = written(manifest([...files, file("churn-model@v2")]));
    const names: string[] = statement.subject.map(({ name }: { name: string }) => name);
    expect(problems(statement)).toEqual([]);
    expect(names.length).toBe(1001);
    expect(new Set(names).size).toBe(names.length);
  });

  test("the schema check is strict", () => {
    const spoiled = [
      { ...written(), more: 1 },
      { ...written(), subject: [{ name: "x" }] },
      { ...written(), subject: [{ name: "x", digest: { sha256: 1 } }] },
      { ...written(), predicate: { ...written().predicate, inputs: [] } },
    ];
    for (const statement of spoiled) expect(problems(statement)).not.toEqual([]);
  });
});
