// Policies, names of objects and requests for the tests of what is emitted for AWS.
import fc from "fast-check";
import { KINDS, type RoleAction } from "../../src/policy/actions.ts";
import type { CedarAnswer, Evaluator } from "../../src/policy/cedar.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { type DecisionRequest, decideWith } from "../../src/policy/decide.ts";
import { holdersOf, splitsOf } from "../../src/policy/key-halves.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { keyArn, NOW, readsKey, signsKey } from "./sample.ts";

/** Names that begin alike, so that a pattern without its slash would be noticed. */
export const DOMAINS = ["churn", "churn-2", "c"];
export const CLASSES = ["public", "internal", "internal-2", "restricted"];
export const MEMBERS = ["ana", "bo", "dee", "zed", "lea"];
/** They are there to approve: nobody approves their own. */
const APPROVERS = ["kim", "mei"];
const ROLES = ["steward", "scientist", "auditor"];
const DATA: readonly RoleAction[] = [
  "artifact.push",
  "artifact.pull",
  "artifact.read-metadata",
  "workspace.mount",
  "creds.issue",
  "secret.read",
  "secret.write",
  "artifact.attest",
  "artifact.tag",
  "artifact.retire",
  "request.create",
];
const PROJECT: readonly RoleAction[] = ["member.add", "audit.read", "key.rotate", "store.copy", "store.gc"];
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
  /** Whether keys of the highest class are released by two roles, and whether there is an emergency. */
  readonly release: boolean;
  readonly glass: boolean;
}

const SHAPE: fc.Arbitrary<Shape> = fc.record({
  roles: fc.tuple(
    ...ROLES.map(() =>
      fc.record({
        can: fc.subarray([...DATA, ...PROJECT], { minLength: 1 }),
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
  release: fc.boolean(),
  glass: fc.boolean(),
});

function textOf({ roles, held, rules, prefix, kms, release, glass }: Shape): string {
  const optional = (key: string, value: string | undefined): string =>
    value === undefined ? "" : `, ${key}: ${value}`;
  const members = [...MEMBERS, ...APPROVERS].map((id, at) => {
    const own = (held[at] ?? []).map(({ role, domain }) => (domain === undefined ? role : `"${role}@${domain}"`));
    // Somebody can always change the policy, release keys, and break the glass of one domain.
    const listed = [...(ALWAYS[id] ?? []), ...own];
    const more = id === "zed" ? ", suspended: left" : "";
    return `  ${id}: { name: X, roles: [${listed.join(", ")}], signs: "${signsKey(at)}", reads: "${readsKey(at)}"${more} }`;
  });
  const named = roles.map(
    ({ can, upTo, purposes }, at) =>
      `  ${ROLES[at] ?? ""}: { can: [${can.join(", ")}], up-to: ${upTo}${optional("purposes", purposes && `[${purposes.join(", ")}]`)} }`,
  );
  const released =
    "  released: { on: [artifact.pull, workspace.mount], from: restricted, require: { grant: { approvals: { owner: 1, keeper: 1 }, max: 4h }, release: keys } }";
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
    "roles:\n  owner: { can: [policy.change, request.approve], up-to: restricted }",
    "  keeper: { can: [request.approve], up-to: restricted }",
    "  officer: { can: [break-glass.invoke], up-to: internal }",
    named.join("\n"),
    ...(ruled.length > 0 || release ? [`rules:\n${[...ruled, ...(release ? [released] : [])].join("\n")}`] : []),
    ...(glass ? [GLASS] : []),
    `aws: { account: "111122223333", region: eu-west-1, bucket: b-1${optional("prefix", prefix || undefined)}${kms ? `, kms: "${keyArn(1)}", kms-by-class: { restricted: "${keyArn(2)}" }` : ""} }`,
    "",
  ].join("\n");
}

const ALWAYS: Readonly<Record<string, readonly string[]>> = {
  ana: ["owner"],
  mei: ["owner"],
  kim: ["keeper"],
  lea: ["keeper", '"officer@churn"'],
};
const GLASS =
  "break-glass: { can: [artifact.pull], with: escrow, escrow: [bo, ana], max: 1h, review-within: 24h, notify: [ana] }";

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
  readonly about:
    | ("content" | "manifest" | "half" | "glass" | "statement" | "secret" | "version" | "tag" | "published" | "log")
    | ("proposal" | "request" | "release" | "join" | "mark" | "other");
  /** Whether it holds a key of a version. */
  readonly wrap?: boolean;
  /** Name of the half that it is. */
  readonly half?: string;
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
      const exists = DOMAINS.includes(place.domain) && CLASSES.includes(place.class);
      const halves = exists ? ["half-owner", "half-keeper", "glass-invoke", "glass-escrow"] : ["half-owner"];
      return [
        ...halves.map(
          (half): StoreName => ({
            name: `wraps/${at}/${SHA}/${half}/${ID}`,
            about: "half",
            half,
            wrap: true,
            ...place,
          }),
        ),
        { name: `wraps/${at}/${SHA}/glass`, about: "glass", wrap: true, ...place },
        { name: `statements/${at}/${SHA}/${SHA}`, about: "statement", ...place },
        { name: `packs/${at}/ab/${ID}`, about: "content", ...place },
        { name: `wraps/${at}/${SHA}/data`, about: "content", wrap: true, ...place },
        { name: `wraps/${at}/${SHA}/metadata`, about: "manifest", wrap: true, ...place },
        { name: `seals/${at}/${SHA}`, about: "manifest", ...place },
        { name: `secrets/${at}/${SHA}/00000001-${SHA}`, about: "secret", ...place },
        { name: `epochs/${at}/1`, about: "published" },
        { name: `keys/${at}/1/${ID}`, about: "published" },
      ];
    }),
    ...[...DOMAINS, "gone"].map(
      (domain): StoreName => ({ name: `versions/${domain}/${SHA}/00000001-${SHA}`, about: "version", domain }),
    ),
    ...[...DOMAINS, "gone"].map(
      (domain): StoreName => ({ name: `tags/${domain}/${SHA}/${SHA}`, about: "tag", domain }),
    ),
    { name: `requests/${SHA}`, about: "request" },
    { name: `releases/${SHA}/half-owner/${ID}`, about: "release" },
    { name: `joins/${SHA}`, about: "join" },
    { name: `policy/00000001-${SHA}`, about: "published" },
    { name: "log/commit/0000000000000001", about: "log" },
    { name: `proposals/00000002-${SHA}/${SHA}`, about: "proposal" },
    { name: `condemned/${ID}`, about: "mark" },
    { name: "cloister", about: "other" },
  ];
}

/**
 * Whether the policy makes the member hold a half of the keys there, as the pushers' own code has it.
 *
 * @param half left out: any
 */
export function holdsHalf(
  { policy }: CompiledPolicy,
  member: string,
  { domain = "", class: name = "" }: Partial<StoreName>,
  half?: string,
): boolean {
  if (!DOMAINS.includes(domain) || !CLASSES.includes(name)) return false;
  const place = { domain, class: name };
  const halves = splitsOf(policy, place).flatMap((split) => split.halves);
  return halves
    .filter((each) => half === undefined || each === half)
    .some((each) => holdersOf(policy, place, each).some(({ id }) => id === member));
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
    governance: { grant: { approvals: compiled.policy.members.map(({ id }) => id), ageMs: 0 } },
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
