// Policies, names of objects and requests for the tests of what is emitted for AWS.
import fc from "fast-check";
import { KINDS, type RoleAction } from "../../src/policy/actions.ts";
import type { CedarAnswer, Evaluator } from "../../src/policy/cedar.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { keyArn, NOW, readsKey, signsKey } from "./sample.ts";

/** Names that begin alike, so that a pattern without its slash would be noticed. */
export const DOMAINS = ["churn", "churn-2", "c"];
export const CLASSES = ["public", "internal", "internal-2", "restricted"];
export const MEMBERS = ["ana", "bo", "dee", "zed"];
const ROLES = ["steward", "scientist", "auditor"];
const DATA: readonly RoleAction[] = [
  "artifact.push",
  "artifact.pull",
  "artifact.read-metadata",
  "workspace.mount",
  "creds.issue",
  "secret.read",
  "secret.write",
];
const PURPOSES = ["modelling", "research"];

interface Shape {
  readonly roles: readonly {
    readonly can: readonly RoleAction[];
    readonly upTo: string;
    readonly purposes: readonly string[] | undefined;
  }[];
  readonly held: readonly (readonly { readonly role: string; readonly domain: string | undefined }[])[];
  readonly rules: readonly {
    readonly on: RoleAction;
    readonly from: string | undefined;
    readonly domain: string | undefined;
    readonly kinds: readonly string[] | undefined;
  }[];
  readonly prefix: string;
  readonly kms: boolean;
}

const SHAPE: fc.Arbitrary<Shape> = fc.record({
  roles: fc.tuple(
    ...ROLES.map(() =>
      fc.record({
        can: fc.subarray([...DATA, "member.add" as const, "audit.read" as const], { minLength: 1 }),
        upTo: fc.constantFrom(...CLASSES),
        purposes: fc.option(fc.subarray(PURPOSES, { minLength: 1 }), { nil: undefined }),
      }),
    ),
  ),
  held: fc.tuple(
    ...MEMBERS.map(() =>
      fc.uniqueArray(
        fc.record({
          role: fc.constantFrom(...ROLES),
          domain: fc.option(fc.constantFrom(...DOMAINS), { nil: undefined }),
        }),
        { maxLength: 2, selector: (held) => `${held.role}@${held.domain ?? ""}` },
      ),
    ),
  ),
  rules: fc.array(
    fc.record({
      on: fc.constantFrom(...DATA.filter((action) => action !== "artifact.read-metadata")),
      from: fc.option(fc.constantFrom(...CLASSES), { nil: undefined }),
      domain: fc.option(fc.constantFrom(...DOMAINS), { nil: undefined }),
      kinds: fc.option(fc.subarray([...KINDS], { minLength: 1 }), { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
  prefix: fc.constantFrom("", "p", "team/churn"),
  kms: fc.boolean(),
});

function textOf({ roles, held, rules, prefix, kms }: Shape): string {
  const optional = (key: string, value: string | undefined): string =>
    value === undefined ? "" : `, ${key}: ${value}`;
  const members = MEMBERS.map((id, at) => {
    const own = (held[at] ?? []).map(({ role, domain }) => (domain === undefined ? role : `"${role}@${domain}"`));
    // Somebody can always change the policy.
    const listed = id === "ana" ? [...new Set(["owner", ...own])] : own;
    const more = id === "zed" ? ", suspended: left" : "";
    return `  ${id}: { name: X, roles: [${listed.join(", ")}], signs: "${signsKey(at)}", reads: "${readsKey(at)}"${more} }`;
  });
  const named = roles.map(
    ({ can, upTo, purposes }, at) =>
      `  ${ROLES[at] ?? ""}: { can: [${can.join(", ")}], up-to: ${upTo}${optional("purposes", purposes && `[${purposes.join(", ")}]`)} }`,
  );
  const ruled = rules.map(
    ({ on, from, domain, kinds }, at) =>
      `  r${String(at)}: { on: [${on}], refuse: No${optional("from", from)}${optional("domains", domain && `[${domain}]`)}${optional("kinds", kinds && `[${kinds.join(", ")}]`)} }`,
  );
  return [
    'cloister: 1\nproject: p\nid: "0123456789abcdef0123456789abcdef"\nversion: 1\nexpires: 2027-03-31',
    "owners: { threshold: 1, members: [ana] }",
    `classifications: [${CLASSES.join(", ")}]`,
    `domains: { ${DOMAINS.map((id) => `${id}: { owner: ana, epoch: 1 }`).join(", ")} }`,
    `purposes: { ${PURPOSES.map((id) => `${id}: {}`).join(", ")} }`,
    `members:\n${members.join("\n")}`,
    `roles:\n  owner: { can: [policy.change], up-to: public }\n${named.join("\n")}`,
    ...(ruled.length > 0 ? [`rules:\n${ruled.join("\n")}`] : []),
    `aws: { account: "111122223333", region: eu-west-1, bucket: b-1${optional("prefix", prefix || undefined)}${kms ? `, kms: "${keyArn(1)}", kms-by-class: { restricted: "${keyArn(2)}" }` : ""} }`,
    "",
  ].join("\n");
}

/** Policies with overlapping roles, refusals and names; those with a rule that can never fire are left out. */
export const POLICIES: fc.Arbitrary<CompiledPolicy> = SHAPE.map((shape) => {
  const text = textOf(shape);
  const { policy, problems } = readPolicy(Buffer.from(text), { now: NOW });
  const real = problems.filter(({ severity, message }) => severity === "error" && !message.includes("can never fire"));
  if (real.length > 0) throw new Error(`${text}\n${JSON.stringify(real)}`);
  // A counterexample is the file, not what became of it.
  return policy && Object.defineProperty(compilePolicy(policy, ""), fc.toStringMethod, { value: () => text });
}).filter((compiled) => compiled !== undefined);

/** A name in the store, and what it is about. */
export interface StoreName {
  readonly name: string;
  readonly about: "content" | "manifest" | "secret" | "version" | "published" | "log" | "other";
  readonly domain?: string;
  readonly class?: string;
}

const ID = "0123456789abcdef0123456789abcdef";
const SHA = "ab".repeat(32);

/** Every form of name that the store has, in places that exist and in some that do not. */
export function storeNames(): readonly StoreName[] {
  const places = [...DOMAINS, "gone"].flatMap((domain) =>
    [...CLASSES, "removed"].map((name) => ({ domain, class: name })),
  );
  return [
    ...places.flatMap((place): StoreName[] => {
      const at = `${place.domain}/${place.class}`;
      return [
        { name: `packs/${at}/ab/${ID}`, about: "content", ...place },
        { name: `wraps/${at}/${SHA}/data`, about: "content", ...place },
        { name: `wraps/${at}/${SHA}/metadata`, about: "manifest", ...place },
        { name: `seals/${at}/${SHA}`, about: "manifest", ...place },
        { name: `secrets/${at}/${SHA}/00000001-${SHA}`, about: "secret", ...place },
        { name: `epochs/${at}/1`, about: "published" },
        { name: `keys/${at}/1/${ID}`, about: "published" },
      ];
    }),
    ...[...DOMAINS, "gone"].map(
      (domain): StoreName => ({ name: `versions/${domain}/${SHA}/00000001-${SHA}`, about: "version", domain }),
    ),
    { name: `policy/00000001-${SHA}`, about: "published" },
    { name: "log/commit/0000000000000001", about: "log" },
    { name: `proposals/00000002-${SHA}/${SHA}`, about: "log" },
    { name: `condemned/${ID}`, about: "other" },
    { name: "cloister", about: "other" },
  ];
}

interface Asked {
  readonly action: RoleAction;
  readonly member: string;
  readonly domain?: string | undefined;
  readonly class?: string | undefined;
  readonly purpose?: string | undefined;
}

/** Whether Cedar allows it for some kind of artifact, with every fact that a person could still bring. */
export function cedarAllows(cedar: Evaluator, compiled: CompiledPolicy, asked: Asked): boolean {
  const known = ANSWERS.get(compiled) ?? new Map<string, boolean>();
  ANSWERS.set(compiled, known);
  const question = JSON.stringify(asked);
  const answer = known.get(question) ?? ask(cedar, compiled, asked);
  known.set(question, answer);
  return answer;
}

/** Cedar is asked the same for many names of objects. */
const ANSWERS = new WeakMap<CompiledPolicy, Map<string, boolean>>();

function ask(cedar: Evaluator, compiled: CompiledPolicy, asked: Asked): boolean {
  const facts: Omit<DecisionRequest, "action" | "member"> = {
    now: NOW,
    justification: "as long as it takes to say why",
    fields: ["owner", "licence"],
    provenance: "run",
    epoch: 9,
    mfaAgeMs: 0,
  };
  const answers: Evaluator = { ask: (...question) => (question[1] === "decide" ? cedar.ask(...question) : NO_WORDS) };
  return kindsApart(compiled).some((kind) => decideWith(answers, compiled, { ...facts, ...asked, kind }).allow);
}

/** Here nobody reads why something was refused, which costs as much as the answer. */
const NO_WORDS: CedarAnswer = { allow: false, reasons: [], errors: [] };

/** One kind for all that the same rules are about: nothing else of a policy tells kinds apart. */
function kindsApart({ policy }: CompiledPolicy): readonly string[] {
  const rulesOn = (kind: string) => policy.rules.map(({ kinds }) => kinds === undefined || kinds.includes(kind)).join();
  return [...new Map(KINDS.map((kind) => [rulesOn(kind), kind])).values()];
}
