// The JSON Schema (draft 2020-12) of the policy file, for editors: keys, their words, and the form of each value. What it
// cannot say (that a name is known, that an approval can be given) `cloister policy check` does.
import type { Json } from "../base/json.ts";
import { KINDS, ROLE_ACTIONS } from "./actions.ts";
import { FILE_KEYS, type FilePart } from "./file-keys.ts";
import { FIELDS } from "./schema.ts";
import { DRIVERS, ENFORCEABLE } from "./workspace-use.ts";

const TEXT: Json = { type: "string" };
const TRUE_OR_FALSE: Json = { type: "boolean" };
const NAME: Json = { type: "string", pattern: "^[a-z0-9][a-z0-9._-]{0,127}$" };
const COUNT: Json = { type: "integer", minimum: 1 };
const DURATION: Json = { type: "string", pattern: "^[1-9][0-9]{0,8}[smhdy]$" };
const BYTES: Json = { type: "string", pattern: "^[0-9]{1,6}(B|KB|MB|GB|TB)$" };
const DAY: Json = { type: "string", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" };
const SIGNS: Json = { type: "string", pattern: "^p256:[A-Za-z0-9_-]{44}$" };
const READS: Json = { type: "string", pattern: "^age1[02-9ac-hj-np-z]{58}$" };
const ARN: Json = { type: "string", pattern: "^arn:" };
const ACTION = oneOf(ROLE_ACTIONS);

function oneOf(values: readonly string[]): Json {
  return { enum: [...values] };
}

function list(items: Json): Json {
  return { type: "array", items, uniqueItems: true };
}

/** A map whose keys are names, or whatever else is given. */
function mapOf(values: Json, keys: Json = NAME): Json {
  return { type: "object", propertyNames: keys, additionalProperties: values };
}

function part(name: FilePart): Json {
  return { $ref: `#/$defs/${name}` };
}

/** What a workspace may use: one key a line in docs/policy.md. */
const WORKSPACE: Json = {
  type: "object",
  additionalProperties: false,
  properties: {
    ...{ ttl: DURATION, "max-open": COUNT, disk: BYTES, cpus: COUNT, memory: BYTES, processes: COUNT },
    ...{ "open-files": COUNT, "run-time": DURATION, network: list(TEXT), "private-networks": list(TEXT) },
    ...{ mounts: list(TEXT), gpu: TRUE_OR_FALSE, drivers: list(oneOf(DRIVERS)), images: list(TEXT) },
    "must-hold": list(oneOf(ENFORCEABLE)),
  },
};

type Values<Part extends FilePart> = { readonly [Key in keyof (typeof FILE_KEYS)[Part]]: Json };

/** The form of every value; the compiler holds it to the keys that there are. */
const VALUES: { readonly [Part in FilePart]: Values<Part> } = {
  policy: {
    cloister: { const: 1 },
    project: TEXT,
    id: { type: "string", pattern: "^[0-9a-f]{32}$" },
    version: COUNT,
    previous: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" },
    expires: DAY,
    owners: part("owners"),
    classifications: { ...(list(NAME) as object), minItems: 1 },
    domains: mapOf(part("domain")),
    purposes: mapOf(part("purpose")),
    members: mapOf(part("member")),
    roles: mapOf(part("role")),
    always: part("always"),
    separate: { type: "array", items: part("separation") },
    rules: mapOf(part("rule")),
    evidence: mapOf(part("evidence")),
    gates: mapOf(part("gate"), { type: "string", pattern: "^\\S+ -> \\S+$" }),
    retention: {
      ...(mapOf(DURATION) as object),
      // biome-ignore lint/suspicious/noThenProperty: a key of the file, which nothing awaits
      properties: { then: oneOf(["retire", "shred-keys"]) },
      required: ["then"],
    },
    login: part("login"),
    secrets: part("secrets"),
    "break-glass": part("breakGlass"),
    "access-review": part("accessReview"),
    aws: part("aws"),
  },
  owners: { threshold: COUNT, members: list(NAME) },
  domain: { owner: NAME, epoch: COUNT },
  purpose: { until: DAY },
  member: {
    name: TEXT,
    roles: list({ type: "string", pattern: "^[a-z0-9][a-z0-9._-]*(@[a-z0-9][a-z0-9._-]*)?$" }),
    signs: SIGNS,
    reads: READS,
    devices: { type: "array", items: part("device") },
    service: TRUE_OR_FALSE,
    oidc: part("oidc"),
    suspended: { anyOf: [TEXT, { const: true }] },
  },
  device: { name: TEXT, signs: SIGNS, reads: READS },
  oidc: { issuer: TEXT, sub: TEXT },
  role: {
    can: list(ACTION),
    "up-to": NAME,
    purposes: list(NAME),
    stages: list(NAME),
    quota: part("quota"),
    workspace: WORKSPACE,
    credentials: part("credentials"),
  },
  quota: { "pull-bytes-per-day": BYTES, "exports-per-week": COUNT },
  credentials: { ttl: DURATION },
  always: {
    "purpose-for": list(ACTION),
    "justification-for": mapOf({ type: "integer", minimum: 1, maximum: 1000 }, ACTION),
    "mfa-within": mapOf(DURATION, ACTION),
    "label-floor": DURATION,
  },
  separation: { who: ACTION, cannot: ACTION, above: NAME },
  rule: {
    on: list(ACTION),
    kinds: list(oneOf(KINDS)),
    from: NAME,
    domains: list(NAME),
    refuse: TEXT,
    require: part("require"),
  },
  require: {
    fields: list(oneOf(FIELDS)),
    provenance: { const: "run" },
    approvals: mapOf(COUNT),
    grant: part("grant"),
    release: { const: "keys" },
    evidence: list(NAME),
    destination: list({ type: "string", pattern: "^(s3://|domain:|file:|share:)" }),
  },
  grant: { approvals: mapOf(COUNT), max: DURATION },
  evidence: { by: list(NAME), "not-by": { const: "pusher" } },
  gate: { evidence: list(NAME), approvals: mapOf(COUNT) },
  login: { issuer: TEXT, client: TEXT, audience: TEXT },
  secrets: { "rotate-every": DURATION },
  breakGlass: {
    can: list(ACTION),
    with: { const: "escrow" },
    escrow: list(NAME),
    max: DURATION,
    "review-within": DURATION,
    notify: list(NAME),
  },
  accessReview: { every: DURATION, by: NAME, lapsed: { const: "read-only" } },
  aws: {
    account: { type: "string", pattern: "^[0-9]{12}$" },
    ...{ region: TEXT, bucket: TEXT, prefix: TEXT, kms: ARN, "kms-by-class": mapOf(ARN), "role-prefix": TEXT },
  },
};

/** Keys that must be there. */
const REQUIRED: { readonly [Part in FilePart]?: readonly (keyof (typeof FILE_KEYS)[Part])[] } = {
  policy: [
    ...(["cloister", "project", "id", "version", "expires", "owners"] as const),
    ...(["classifications", "domains", "members", "roles"] as const),
  ],
  owners: ["threshold", "members"],
  domain: ["owner", "epoch"],
  member: ["name", "roles", "signs", "reads"],
  device: ["signs", "reads"],
  oidc: ["issuer", "sub"],
  role: ["can", "up-to"],
  credentials: ["ttl"],
  separation: ["who", "cannot"],
  rule: ["on"],
  grant: ["approvals", "max"],
  evidence: ["by"],
  login: ["issuer", "client"],
  secrets: ["rotate-every"],
  breakGlass: ["can", "with", "escrow", "max", "review-within", "notify"],
  accessReview: ["every", "by", "lapsed"],
  aws: ["account", "region", "bucket"],
};

function objectOf(name: FilePart): { readonly [key: string]: Json } {
  const words: Readonly<Record<string, string>> = FILE_KEYS[name];
  const values: Readonly<Record<string, Json>> = VALUES[name];
  const properties = Object.keys(words).map((key) => {
    return [key, { description: words[key] ?? "", ...(values[key] as { readonly [key: string]: Json }) }] as const;
  });
  return {
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(properties),
    required: [...(REQUIRED[name] ?? [])] as string[],
  };
}

/** The whole schema, the same for every project. */
export function policySchema(): Json {
  const parts = (Object.keys(FILE_KEYS) as FilePart[]).filter((name) => name !== "policy");
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "cloister.policy.yaml",
    ...objectOf("policy"),
    $defs: Object.fromEntries(parts.map((name) => [name, objectOf(name)])),
  };
}
