// Named questions to the sample policy and their answers: the table that the mutation run must not survive.
import type { DecisionRequest } from "../../src/policy/decide.ts";
import { NOW } from "./sample.ts";

export interface Case {
  readonly title: string;
  readonly request: DecisionRequest;
  /** Rules that refuse, in order; empty where it is allowed. */
  readonly refusedBy: readonly string[];
}

const AFTER_EXPIRY = Date.parse("2027-04-01T00:00:00Z");
const why20 = "renewing for the next year";
const modelPush = {
  purpose: "churn-modelling",
  justification: "weekly",
  fields: ["owner", "licence"],
  provenance: "run",
};

type Facts = Omit<Partial<DecisionRequest>, "provenance"> & { readonly provenance?: string };

function ask(title: string, member: string, action: string, facts: Facts, ...refusedBy: string[]): Case {
  return { title, request: { member, action, now: NOW, ...facts } as DecisionRequest, refusedBy };
}

const churn = { domain: "churn", class: "internal", kind: "report", purpose: "churn-modelling" };
const create = { domain: "churn", purpose: "churn-modelling", ttlMs: 3_600_000, openWorkspaces: 0, diskBytes: 1e9 };
const issue = { domain: "churn", class: "internal", purpose: "churn-modelling" };
const secret = { domain: "churn", class: "public", epoch: 2 };
const push = { domain: "churn", class: "internal", kind: "dataset", epoch: 2 };

export const CASES: readonly Case[] = [
  // Roles: one case that only this holding allows, and what it does not.
  ask("a scientist pulls in her domain", "bo", "artifact.pull", churn),
  ask("a project-wide scientist pulls anywhere", "dee", "artifact.pull", { ...churn, class: "confidential" }),
  ask(
    "a scientist stays in her domain",
    "bo",
    "artifact.pull",
    { ...churn, domain: "marketing" },
    "role:data-scientist",
  ),
  ask(
    "a scientist stays below her ceiling",
    "bo",
    "artifact.pull",
    { ...churn, class: "restricted" },
    "role:data-scientist",
  ),
  ask(
    "a role acts for its purposes only",
    "bo",
    "artifact.pull",
    { ...churn, purpose: "fraud-research" },
    "role:data-scientist",
  ),
  ask("pulling implies seeing names", "bo", "artifact.read-metadata", { domain: "churn" }),
  ask(
    "seeing names stays in the domain",
    "bo",
    "artifact.read-metadata",
    { domain: "marketing" },
    "role:data-scientist",
  ),
  ask(
    "seeing one artifact needs its class",
    "bo",
    "artifact.read-metadata",
    { domain: "churn", class: "restricted" },
    "role:data-scientist",
  ),
  ask("a scientist runs", "bo", "workspace.run", { domain: "churn", class: "confidential" }),
  ask("a scientist mounts", "bo", "workspace.mount", { ...churn, kind: "dataset", class: "confidential" }),
  ask("a scientist does not change the policy", "bo", "policy.change", { justification: why20 }, "role"),
  ask("a project-wide scientist creates anywhere", "dee", "workspace.create", { ...create, domain: "marketing" }),
  ask("a pipeline creates", "ci", "workspace.create", create),
  ask("a pipeline pushes", "ci", "artifact.push", push),
  ask("a pipeline does not pull", "ci", "artifact.pull", churn, "role"),
  ask("an owner pulls the most sensitive", "omar", "artifact.pull", { ...churn, class: "restricted" }),
  ask(
    "an owner of another domain does not",
    "mei",
    "artifact.pull",
    { ...churn, class: "restricted" },
    "role:data-owner",
  ),
  ask("an owner pulls in marketing", "mei", "artifact.pull", { ...churn, domain: "marketing", class: "restricted" }),
  ask("an owner in one domain adds members", "mei", "member.add", {}),
  ask("an owner in one domain reads the log", "omar", "audit.read", {}),
  ask("a reviewer in marketing pulls for any purpose", "dee", "artifact.pull", {
    ...churn,
    domain: "marketing",
    purpose: "fraud-research",
  }),
  ask("a reviewer reads the log", "dee", "audit.read", {}),
  ask("an officer reviews members", "ana", "member.review", {}),
  ask("an officer touches no data", "ana", "artifact.pull", churn, "role"),
  // Built in.
  ask("everybody reads the policy", "ci", "policy.read", {}),
  ask("the suspended read the policy, too", "zed", "policy.read", {}),
  ask("everybody consents to break-glass, as far as the guard is concerned", "bo", "break-glass.consent", {}),
  ask("a service consents to nothing", "ci", "break-glass.consent", {}, "builtin:service"),
  ask("everybody reviews break-glass, as far as the guard is concerned", "bo", "break-glass.review", {}),
  ask("a service reviews nothing", "ci", "break-glass.review", {}, "builtin:service"),
  ask("everybody revokes shares", "bo", "share.revoke", {}),
  ask("a suspended member pulls nothing", "zed", "artifact.pull", churn, "builtin:suspended"),
  ask("everybody revokes shares", "ci", "share.revoke", {}),
  ask("whose consent counts, readers of the emergency judge", "bo", "break-glass.consent", {}),
  ask("and whose review", "bo", "break-glass.review", {}),
  ask("the suspended revoke nothing", "zed", "share.revoke", {}, "builtin:suspended"),
  ask("everybody destroys their own workspace", "ana", "workspace.destroy", { ownWorkspace: true }),
  ask("nobody destroys another's", "omar", "workspace.destroy", {}, "builtin:own-workspace"),
  ask("the suspended destroy nothing", "zed", "workspace.destroy", { ownWorkspace: true }, "builtin:suspended"),
  ask(
    "an expired policy pushes nothing",
    "ci",
    "artifact.push",
    { ...push, now: AFTER_EXPIRY },
    "builtin:policy-expired",
  ),
  ask("a policy holds on its last day", "ci", "artifact.push", { ...push, now: AFTER_EXPIRY - 1 }),
  ask("an expired policy can be renewed", "ana", "policy.change", { justification: why20, now: AFTER_EXPIRY }),
  ask("a push at the class of its inputs", "bo", "artifact.push", {
    ...push,
    label: { class: "internal", from: "raw:v1" },
  }),
  ask("a push above the class of its inputs", "bo", "artifact.push", {
    ...push,
    label: { class: "public", from: "raw:v1" },
  }),
  ask(
    "a push below the class of its inputs",
    "bo",
    "artifact.push",
    { ...push, label: { class: "confidential", from: "raw:v1" } },
    "builtin:label-flow",
  ),
  ask(
    "a label of no class",
    "bo",
    "artifact.push",
    { ...push, label: { class: "secret", from: "raw:v1" } },
    "builtin:label-flow",
  ),
  ask("a push with an old key epoch", "bo", "artifact.push", { ...push, epoch: 1 }, "builtin:epoch"),
  ask("a push with a newer key epoch", "bo", "artifact.push", { ...push, epoch: 3 }),
  ask("a push with no key epoch", "bo", "artifact.push", { ...push, epoch: undefined }, "builtin:epoch"),
  ask("a purpose nobody declared", "omar", "artifact.pull", { ...churn, purpose: "fun" }, "builtin:purpose"),
  ask(
    "a purpose that ended",
    "dee",
    "artifact.pull",
    { ...churn, purpose: "spring-campaign" },
    "purpose:spring-campaign",
  ),
  ask(
    "a purpose that will end",
    "bo",
    "artifact.pull",
    { ...churn, now: Date.parse("2027-02-01T00:00:00Z") },
    "purpose:churn-modelling",
  ),
  ask("a purpose on its last day", "bo", "artifact.pull", { ...churn, now: Date.parse("2027-01-31T23:59:59Z") }),
  // Always.
  ask("a pull without a purpose", "bo", "artifact.pull", { ...churn, purpose: undefined }, "always:purpose-for"),
  ask("a push needs no purpose", "bo", "artifact.push", push),
  ask(
    "a change with too short a reason",
    "ana",
    "policy.change",
    { justification: "because" },
    "always:justification-for:policy.change",
  ),
  ask(
    "white space is no reason",
    "omar",
    "artifact.retire",
    { ...churn, justification: " ".repeat(30) },
    "always:justification-for:artifact.retire",
  ),
  ask("a reason that is long enough", "omar", "artifact.retire", { ...churn, justification: "0123456789" }),
  // A second factor.
  ask("credentials right after a login", "bo", "creds.issue", { ...issue, mfaAgeMs: 0 }),
  ask("credentials at the last moment", "bo", "creds.issue", { ...issue, mfaAgeMs: 900_000 }),
  ask(
    "credentials too long after a login",
    "bo",
    "creds.issue",
    { ...issue, mfaAgeMs: 900_001 },
    "always:mfa-within:creds.issue",
  ),
  ask("credentials without a login", "bo", "creds.issue", issue, "always:mfa-within:creds.issue"),
  ask("a login that is dated ahead", "bo", "creds.issue", { ...issue, mfaAgeMs: -1 }, "always:mfa-within:creds.issue"),
  ask("a login whose age is none", "bo", "creds.issue", { ...issue, mfaAgeMs: Number.NaN }, "builtin:decision"),
  ask("a secret right after a login", "ana", "secret.write", { ...secret, mfaAgeMs: 1000 }),
  ask("a secret without a login", "ana", "secret.write", secret, "always:mfa-within:secret.write"),
  ask("other actions need no login", "ana", "audit.read", {}),
  // Credentials.
  ask("credentials for as long as the role may", "bo", "creds.issue", { ...issue, ttlMs: 3_600_000, mfaAgeMs: 0 }),
  ask("a project-wide scientist's credentials", "dee", "creds.issue", { ...issue, domain: "marketing", mfaAgeMs: 0 }),
  ask(
    "credentials that live too long",
    "bo",
    "creds.issue",
    { ...issue, ttlMs: 3_600_001, mfaAgeMs: 0 },
    "role:data-scientist",
  ),
  ask(
    "credentials above the ceiling",
    "bo",
    "creds.issue",
    { ...issue, class: "restricted", mfaAgeMs: 0 },
    "role:data-scientist",
  ),
  ask("credentials without the role", "omar", "creds.issue", { ...issue, mfaAgeMs: 0 }, "role"),
  // Workspaces.
  ask("a workspace within the limits", "bo", "workspace.create", {
    ...create,
    ttlMs: 28_800_000,
    openWorkspaces: 2,
    diskBytes: 50e9,
  }),
  ask(
    "a workspace that lives too long",
    "bo",
    "workspace.create",
    { ...create, ttlMs: 28_800_001 },
    "role:data-scientist",
  ),
  ask("a workspace too many", "bo", "workspace.create", { ...create, openWorkspaces: 3 }, "role:data-scientist"),
  ask("a workspace too large", "bo", "workspace.create", { ...create, diskBytes: 50e9 + 1 }, "role:data-scientist"),
  ask("a workspace within everything", "bo", "workspace.create", {
    ...create,
    use: {
      ...{ cpus: 4, memoryBytes: 16e9, processes: 2000, openFiles: 4096, runMs: 7_200_000, gpu: true },
      ...{ network: ["pypi.acme.example:443", "*.debian.example:80"], mounts: ["/opt/conda"], driver: "podman" },
    },
  }),
  ...(
    [
      ["processors", { cpus: 5 }],
      ["memory", { memoryBytes: 16e9 + 1 }],
      ["processes", { processes: 2001 }],
      ["open files", { openFiles: 4097 }],
      ["time for a command", { runMs: 7_200_001 }],
      ["a network", { network: ["pypi.acme.example:443", "evil.example:443"] }],
      ["folders", { mounts: ["/opt/conda", "/root"] }],
      ["an image", { image: "evil.example/ml@sha256:1" }],
    ] as const
  ).map(([what, use]) =>
    ask(`a workspace with too much: ${what}`, "bo", "workspace.create", { ...create, use }, "role:data-scientist"),
  ),
  ask(
    "a workspace where the role names no network",
    "ci",
    "workspace.create",
    { ...create, use: { network: ["a.example:443"] } },
    "role:pipeline",
  ),
  ask(
    "a workspace where the role names no GPU",
    "ci",
    "workspace.create",
    { ...create, use: { gpu: true } },
    "role:pipeline",
  ),
  ask("a label above the ceiling", "bo", "workspace.create", { ...create, class: "restricted" }, "role:data-scientist"),
  // Rules.
  ask(
    "confidential data stays in workspaces",
    "bo",
    "artifact.pull",
    { ...churn, kind: "dataset", class: "confidential" },
    "confidential-stays-in-workspaces",
  ),
  ask(
    "more sensitive data, too",
    "omar",
    "artifact.pull",
    { ...churn, kind: "dataset", class: "restricted" },
    "confidential-stays-in-workspaces",
  ),
  ask("less sensitive data does not", "bo", "artifact.pull", { ...churn, kind: "dataset" }),
  ask("other kinds do not", "bo", "artifact.pull", { ...churn, kind: "model", class: "confidential" }),
  ask(
    "an unknown kind counts as every kind",
    "bo",
    "artifact.pull",
    { ...churn, kind: undefined, class: "confidential" },
    "confidential-stays-in-workspaces",
  ),
  ask("a frozen domain", "mei", "artifact.push", { ...push, domain: "marketing" }, "marketing-is-frozen"),
  ask("a model that says everything", "bo", "artifact.push", { ...push, ...modelPush, kind: "model" }),
  ...["owner", "licence"].map((field) =>
    ask(
      `a model without ${field}`,
      "bo",
      "artifact.push",
      { ...push, ...modelPush, kind: "model", fields: modelPush.fields.filter((each) => each !== field) },
      "models-say-who-and-what",
    ),
  ),
  ask(
    "a model without a purpose",
    "bo",
    "artifact.push",
    { ...push, ...modelPush, kind: "model", purpose: undefined },
    "models-say-who-and-what",
  ),
  ask(
    "a model without a justification",
    "bo",
    "artifact.push",
    { ...push, ...modelPush, kind: "model", justification: undefined },
    "models-say-who-and-what",
  ),
  ask(
    "a model that no run made",
    "bo",
    "artifact.push",
    { ...push, ...modelPush, kind: "model", provenance: "none" },
    "models-say-who-and-what",
  ),
  ask(
    "everything that is missing, at once",
    "bo",
    "artifact.push",
    { ...push, kind: "model", epoch: 1, class: "public", label: { class: "internal", from: "x" } },
    "builtin:label-flow",
    "builtin:epoch",
    ...Array(5).fill("models-say-who-and-what"),
  ),
  // What cannot be asked.
  ask("a stranger", "eve", "artifact.pull", churn, "builtin:member"),
  ask("a name of the language", "constructor", "artifact.pull", churn, "builtin:member"),
  ask("an action that is none", "bo", "artifact.steal", churn, "builtin:request"),
  ask("no domain", "bo", "artifact.pull", { ...churn, domain: undefined }, "builtin:request"),
  ask("a domain that is none", "dee", "artifact.pull", { ...churn, domain: "sales" }, "builtin:request"),
  ask("no class", "bo", "artifact.pull", { ...churn, class: undefined }, "builtin:request"),
  ask("a class that is none", "bo", "artifact.pull", { ...churn, class: "secret" }, "builtin:request"),
  ask("a kind that is none", "bo", "artifact.pull", { ...churn, kind: "secret" }, "builtin:request"),
  ask("a time with fractions", "bo", "artifact.pull", { ...churn, now: NOW + 0.25 }),
  ask("a time that is none", "bo", "artifact.pull", { ...churn, now: Number.NaN }, "builtin:decision"),
  ask("a limit that is no whole number", "bo", "workspace.create", { ...create, ttlMs: 0.5 }, "builtin:decision"),
];
