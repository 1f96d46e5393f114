// The Cedar schema every request is validated against, and the entities that all requests share.
import type { Json } from "../base/json.ts";
import { ACTIONS, type Action, scopeOf } from "./actions.ts";
import { type EntityType, entity, NAMESPACE } from "./cedar-json.ts";
import type { Policy } from "./schema.ts";

const TEXT = { type: "String" } as const;
const NUMBER = { type: "Long" } as const;
const BOOLEAN = { type: "Boolean" } as const;
const TEXTS = { type: "Set", element: TEXT } as const;

function ref(name: EntityType): Json {
  return { type: "Entity", name };
}

function optional(type: Json): Json {
  return { ...(type as Record<string, Json>), required: false };
}

function record(attributes: Readonly<Record<string, Json>>): Json {
  return { type: "Record", attributes };
}

/** Facts of a request beside who, what and where. Times are ms since 1970: Cedar's own dates cost start-up time. */
const CONTEXT = record({
  now: NUMBER,
  fields: TEXTS,
  provenance: TEXT,
  justificationChars: NUMBER,
  ownWorkspace: BOOLEAN,
  purpose: optional(TEXT),
  label: optional(ref("Class")),
  epoch: optional(NUMBER),
  ttlMs: optional(NUMBER),
  openWorkspaces: optional(NUMBER),
  diskBytes: optional(NUMBER),
  cpus: optional(NUMBER),
  memoryBytes: optional(NUMBER),
  processes: optional(NUMBER),
  openFiles: optional(NUMBER),
  runMs: optional(NUMBER),
  network: optional(TEXTS),
  mounts: optional(TEXTS),
  gpu: optional(BOOLEAN),
  driver: optional(TEXT),
  image: optional(TEXT),
  mfaAgeMs: optional(NUMBER),
  // What requirements.ts works out: sets have no size in Cedar, and no matching.
  met: TEXTS,
  evidence: TEXTS,
  did: TEXTS,
  stage: optional(TEXT),
  toStage: optional(TEXT),
  destination: optional(TEXT),
  pulledBytes: optional(NUMBER),
  exports: optional(NUMBER),
  retired: BOOLEAN,
  held: BOOLEAN,
  retire: optional(TEXT),
  breakGlass: BOOLEAN,
  unreviewed: BOOLEAN,
  reviewLapsed: BOOLEAN,
});

/** What a request about this action may be about; see `Scope`. Names of a domain can be read without any class. */
function resourceTypes(action: Action): EntityType[] {
  if (action === "artifact.read-metadata") return ["Artifact", "Area"];
  const types = { artifact: "Artifact", area: "Area", project: "Project" } as const;
  return [types[scopeOf(action)]];
}

/** The schema, in Cedar's JSON form. It is the same for every policy. */
export function cedarSchema(): Json {
  const actions = ACTIONS.map((action) => [
    action,
    { appliesTo: { principalTypes: ["Member"], resourceTypes: resourceTypes(action), context: { type: "Facts" } } },
  ]);
  return {
    [NAMESPACE]: {
      commonTypes: { Facts: CONTEXT },
      entityTypes: {
        Role: {},
        Member: { memberOfTypes: ["Role"], shape: record({ suspended: BOOLEAN, service: BOOLEAN }) },
        Class: { memberOfTypes: ["Class"] },
        Domain: { shape: record({ epoch: NUMBER }) },
        Project: {},
        Area: { shape: record({ domain: ref("Domain"), class: optional(ref("Class")) }) },
        Artifact: { shape: record({ domain: ref("Domain"), class: ref("Class"), kind: optional(TEXT) }) },
      },
      actions: Object.fromEntries(actions) as Json,
    },
  };
}

/** Classes (each in the next higher one, so that `a in b` says "at most as sensitive"), domains, the project. */
export function sharedEntities(policy: Policy): Json {
  const classes = policy.classifications.map((name, rank) => {
    const higher = policy.classifications[rank + 1];
    return { uid: entity("Class", name), attrs: {}, parents: higher === undefined ? [] : [entity("Class", higher)] };
  });
  const domains = policy.domains.map((domain) => ({
    uid: entity("Domain", domain.id),
    attrs: { epoch: domain.epoch },
    parents: [],
  }));
  return [...classes, ...domains, { uid: entity("Project", policy.project), attrs: {}, parents: [] }];
}
