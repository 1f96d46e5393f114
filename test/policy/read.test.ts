import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Problem } from "../../src/policy/problem.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { lineOf, NOW, readsKey, SAMPLE, signsKey } from "./sample.ts";

function read(text: string | Uint8Array, now = NOW): ReturnType<typeof readPolicy> {
  return readPolicy(typeof text === "string" ? Buffer.from(text) : text, { now });
}

/** The sample with one place changed. */
function changed(from: string, to: string): string {
  if (!SAMPLE.includes(from)) throw new Error(`not in the sample: ${from}`);
  return SAMPLE.replace(from, to);
}

/** Where `needle` first stands: line and column from 1. */
function placeOf(needle: string, text: string): { line: number; column: number } {
  const line = lineOf(needle, text);
  const start =
    text
      .split("\n")
      .slice(0, line - 1)
      .join("\n").length + (line > 1 ? 1 : 0);
  return { line, column: text.indexOf(needle) - start + 1 };
}

function errors(text: string | Uint8Array): Problem[] {
  const { policy, problems } = read(text);
  const found = problems.filter(({ severity }) => severity === "error");
  expect(policy === undefined).toBe(found.length > 0);
  return found;
}

/** [what, place in the sample, what it becomes, what stands at the place of the error, message, hint] */
type Refused = readonly [what: string, from: string, to: string, at: string, message: string, hint?: string];

const LATER: readonly Refused[] = [
  ...["separate", "evidence", "gates", "retention", "scan", "secrets", "break-glass", "access-review"].map(
    (key): Refused => [key, "always:\n", `${key}: {}\nalways:\n`, `${key}:`, `"${key}" is not yet supported`],
  ),
  ...["stages", "quota", "credentials"].map(
    (key): Refused => [
      key,
      "    up-to: public\n",
      `    up-to: public\n    ${key}: {}\n`,
      `${key}:`,
      `"${key}" is not yet supported`,
    ],
  ),
  ...["cpus", "memory"].map(
    (key): Refused => [key, "{ ttl: 2h }", `{ ttl: 2h, ${key}: 4 }`, `${key}:`, `"${key}" is not yet supported`],
  ),
  ...["mfa-within", "label-floor"].map(
    (key): Refused => [key, "always:\n", `always:\n  ${key}: {}\n`, `${key}:`, `"${key}" is not yet supported`],
  ),
  ...["grant", "approvals", "scan", "evidence", "release", "destination"].map(
    (key): Refused => [
      key,
      "provenance: run }",
      `provenance: run, ${key}: x }`,
      `${key}:`,
      `"${key}" is not yet supported`,
    ],
  ),
  ["oidc", "service: true,", "oidc: {},", "oidc:", '"oidc" is not yet supported'],
  ["a network", "network: []", "network: [pypi.org]", "[pypi.org]", "a network for workspaces is not yet supported"],
  ["a threshold", "threshold: 1", "threshold: 2", "2, members", "a threshold other than 1 is not yet supported"],
];

const WRONG: readonly Refused[] = [
  ["an unknown key", "rules:\n", "rulez:\n", "rulez:", 'unknown key "rulez" in the policy', "did you mean rules?"],
  [
    "an unknown key of a member",
    "service: true",
    "servise: true",
    "servise",
    'unknown key "servise" in member ci',
    "did you mean service?",
  ],
  [
    "an unknown key of a role",
    "    up-to: public",
    "    upto: public",
    "upto",
    'unknown key "upto" in role security-officer',
    "did you mean up-to?",
  ],
  [
    "an unknown key of a rule",
    "    kinds: [dataset]",
    "    kind: [dataset]",
    "kind:",
    'unknown key "kind" in rule confidential-stays-in-workspaces',
    "did you mean kinds?",
  ],
  [
    "a later format",
    "cloister: 1",
    "cloister: 2",
    "2\nproject",
    "this version of Cloister reads only policies with cloister: 1",
    "upgrade Cloister",
  ],
  ["a missing project", "project: churn-model\n", "", "cloister: 1", "the policy has no project"],
  [
    "a project that is a number",
    "project: churn-model",
    "project: 17",
    "17",
    "project must be text",
    'put it in quotes: "17"',
  ],
  [
    "a short id",
    '"0123456789abcdef0123456789abcdef"',
    "0123456789abcdef",
    "0123456789abcdef",
    "id must look like 32 hexadecimal digits, as cloister init writes them",
  ],
  [
    "an id that YAML takes for a number",
    '"0123456789abcdef0123456789abcdef"',
    "01234567890123450123456789012345",
    "01234567890123450123456789012345",
    "id must look like 32 hexadecimal digits, as cloister init writes them",
    'put it in quotes: id: "…"',
  ],
  ["version zero", "version: 7", "version: 0", "0\nprevious", "version must be a whole number from 1 on"],
  ["a version in text", "version: 7", 'version: "7"', '"7"', "version must be a whole number from 1 on"],
  ["version 1 with a previous one", "version: 7", "version: 1", "previous:", "version 1 has no previous"],
  [
    "a version without its previous one",
    `previous: sha256:${"ab".repeat(32)}\n`,
    "",
    "cloister: 1",
    "the policy has no previous",
  ],
  [
    "a digest that is none",
    "sha256:ab",
    "sha1:ab",
    "sha1:",
    "previous must look like sha256: and 64 hexadecimal digits",
  ],
  [
    "a day that does not exist",
    "expires: 2027-03-31",
    "expires: 2027-02-30",
    "2027-02-30",
    "expires must be a day that exists, like 2027-03-31",
  ],
  ["a day in words", "until: 2027-01-31", "until: soon", "soon", "until must be a day that exists, like 2027-03-31"],
  [
    "an owner who is no member",
    "members: [ana, omar]",
    "members: [ana, omra]",
    "omra",
    'unknown member "omra"',
    "did you mean omar?",
  ],
  ["an owner who is suspended", "members: [ana, omar]", "members: [ana, zed]", "zed]", "owner zed is suspended"],
  ["no owner", "members: [ana, omar]", "members: []", "[] }", "the policy has no owner"],
  [
    "no owner who can change it",
    "members: [ana, omar]",
    "members: [bo, mei]",
    "[bo, mei]",
    "no owner holds a role with policy.change: the policy could never change",
  ],
  ["an owner twice", "members: [ana, omar]", "members: [ana, ana]", "ana] }", '"ana" is in owners.members twice'],
  [
    "a class that is no name",
    "[public, internal",
    "[Public, internal",
    "Public",
    '"Public" cannot be a classification',
  ],
  ["a domain that is no name", "  marketing: {", "  mar keting: {", "mar keting", '"mar keting" cannot be a domain'],
  [
    "a domain's owner who is no member",
    "owner: mei",
    "owner: mai",
    "mai,",
    'unknown member "mai"',
    "did you mean mei?",
  ],
  [
    "a domain's owner who is suspended",
    "owner: mei",
    "owner: zed",
    "owner: zed",
    "the owner of domain marketing is suspended",
  ],
  ["an epoch below 1", "epoch: 2", "epoch: 0", "0 }", "epoch must be a whole number from 1 on"],
  [
    "an unknown role",
    "roles: [pipeline@churn]",
    "roles: [pipline@churn]",
    "pipline",
    'unknown role "pipline"',
    "did you mean pipeline?",
  ],
  [
    "an unknown domain of a role",
    "roles: [pipeline@churn]",
    "roles: [pipeline@chrun]",
    "pipeline@chrun",
    'unknown domain "chrun"',
    "did you mean churn?",
  ],
  ["a role of no domain", "roles: [pipeline@churn]", 'roles: ["pipeline@"]', '"pipeline@"', 'unknown domain ""'],
  [
    "a signing key that is none",
    signsKey(6),
    "p256:short",
    '"p256:short"',
    'signs must look like "p256:" and 44 characters, as cloister whoami prints',
  ],
  [
    "a reading key that is none",
    readsKey(6),
    "age1b",
    '"age1b"',
    'reads must look like "age1" and 58 characters, as cloister whoami prints',
  ],
  ["a signing key of two people", signsKey(6), signsKey(1), "signs:", "ci and ana have the same signs key"],
  ["a reading key of two people", readsKey(6), readsKey(1), "reads:", "ci and ana have the same reads key"],
  [
    "a suspension that says false",
    "suspended: left 2026-06-30",
    "suspended: false",
    "false }",
    "suspended says why, or is left out",
  ],
  [
    "a name with a hidden character",
    "name: Bo Chen",
    'name: "Bo\\u202eChen"',
    '"Bo\\u202e',
    "name has control or invisible characters",
  ],
  [
    "an unknown action",
    "[artifact.pull, audit.read]",
    "[artifact.pul, audit.read]",
    "artifact.pul",
    'unknown action "artifact.pul"',
    "did you mean artifact.pull?",
  ],
  [
    "an action twice",
    "[artifact.pull, audit.read]",
    "[audit.read, audit.read]",
    "audit.read]\n    up-to: internal",
    '"audit.read" is in can twice',
  ],
  [
    "a built-in action in a role",
    "[artifact.pull, audit.read]",
    "[workspace.destroy, audit.read]",
    "workspace.destroy",
    'unknown action "workspace.destroy"',
  ],
  [
    "an action in a scalar",
    "can: [artifact.pull, audit.read]",
    "can: audit.read",
    "audit.read\n",
    "can must be a list",
    "write it as [a, b]",
  ],
  [
    "an unknown class of a role",
    "up-to: public",
    "up-to: pubic",
    "pubic",
    'unknown classification "pubic"',
    "did you mean public?",
  ],
  [
    "an unknown purpose of a role",
    "[churn-modelling, spring",
    "[churn-modeling, spring",
    "churn-modeling",
    'unknown purpose "churn-modeling"',
    "did you mean churn-modelling?",
  ],
  ["a time to live in words", "ttl: 8h", "ttl: long", "long", "ttl must look like 8h (s, m, h, d)"],
  ["a size in words", "disk: 50GB", "disk: 50", "50, network", "disk must look like 50GB (B, KB, MB, GB, TB)"],
  ["no open workspace", "max-open: 3", "max-open: 0", "0, disk", "max-open must be a whole number from 1 on"],
  [
    "an unknown class of a rule",
    "from: confidential",
    "from: confidental",
    "confidental",
    'unknown classification "confidental"',
    "did you mean confidential?",
  ],
  [
    "an unknown kind",
    "kinds: [dataset]",
    "kinds: [datasets]",
    "datasets",
    'unknown kind "datasets"',
    "did you mean dataset?",
  ],
  ["an unknown domain of a rule", "domains: [marketing]", "domains: [market]", "market]", 'unknown domain "market"'],
  [
    "an unknown field",
    "[owner, licence,",
    "[owner, license,",
    "license",
    'unknown field "license"',
    "did you mean licence?",
  ],
  ["a provenance that is none", "provenance: run", "provenance: yes", "yes }", "provenance must be: run"],
  ["a rule with no kind", "kinds: [dataset]", "kinds: []", "[]\n    from", "kinds is empty: the rule can never fire"],
  ["a rule on no action", "on: [artifact.pull]", "on: []", "[]\n    kinds", "the rule is on no action"],
  [
    "a rule on what no role can do",
    "on: [artifact.pull]",
    "on: [artifact.export]",
    "artifact.export",
    "rule confidential-stays-in-workspaces can never fire on artifact.export: no role allows it",
  ],
  [
    "a rule on what has no class",
    "on: [artifact.pull]",
    "on: [policy.change]",
    "policy.change]\n    kinds",
    "rule confidential-stays-in-workspaces can never fire on policy.change: it is about the whole project, not about data",
  ],
  [
    "a rule on what has no kind",
    "on: [artifact.pull]",
    "on: [workspace.run]",
    "workspace.run]\n",
    "rule confidential-stays-in-workspaces can never fire on workspace.run: it is not about one artifact",
  ],
  [
    "a rule above everybody's reach",
    "on: [artifact.pull]\n    kinds: [dataset]\n    from: confidential",
    "on: [workspace.mount]\n    from: restricted",
    "workspace.mount]\n    from",
    'rule confidential-stays-in-workspaces can never fire on workspace.mount: no role that allows it reaches "restricted"',
  ],
  [
    "a rule that only a push can meet",
    "on: [artifact.push]\n    kinds: [model]",
    "on: [artifact.pull]\n    kinds: [model]",
    "artifact.pull]\n    kinds: [model]",
    "artifact.pull declares no owner",
  ],
  [
    "a rule that does nothing",
    "  marketing-is-frozen:\n    on: [artifact.push]\n    domains: [marketing]\n    refuse: Nothing new goes into marketing.\n",
    "  marketing-is-frozen:\n    on: [artifact.push]\n    domains: [marketing]\n",
    "marketing-is-frozen",
    "rule marketing-is-frozen needs either refuse or require",
  ],
  [
    "a rule that requires nothing",
    "require: { fields: [owner, licence, purpose, justification], provenance: run }",
    "require: {}",
    "{}\n",
    "rule models-say-who-and-what requires nothing",
  ],
  [
    "an unknown action of always",
    "purpose-for: [workspace.create,",
    "purpose-for: [workspace.creat,",
    "workspace.creat,",
    'unknown action "workspace.creat"',
    "did you mean workspace.create?",
  ],
  [
    "a justification without a length",
    "policy.change: 20",
    "policy.change: long",
    "long",
    "a number of characters from 1 to 1000 is missing here",
  ],
  [
    "an unknown action to justify",
    "policy.change: 20",
    "policy.chance: 20",
    "policy.chance",
    'unknown action "policy.chance"',
    "did you mean policy.change?",
  ],
];

const HOSTILE: readonly Refused[] = [
  ["a duplicate key", "version: 7", "version: 7\nversion: 8", "version: 8", 'duplicate key "version"'],
  ["a duplicate member", "  bo:   {", "  ana:   {", "ana:   {", 'duplicate key "ana"'],
  ["an anchor", "project: churn-model", "project: &x churn-model", "churn-model", "YAML anchors are not allowed"],
  ["an alias", "project: churn-model", "project: *x", "*x", "YAML aliases are not allowed"],
  ["a tag", "project: churn-model", "project: !!str churn-model", "churn-model", "YAML tags are not allowed"],
  ["a merge key", "  bo:   {", "  <<: {}\n  bo:   {", "<<", "YAML merge keys are not allowed"],
  [
    "a key of the prototype",
    "  bo:   {",
    "  __proto__: {}\n  bo:   {",
    "__proto__",
    "the key __proto__ is not allowed",
  ],
  [
    "a letter of another alphabet",
    "rules:\n",
    "rulеs:\n",
    "rulеs",
    'the key "rulеs" has characters outside ASCII (U+0435)',
  ],
  [
    "a member in another alphabet",
    "  bo:   {",
    "  bо:   {",
    "bо:",
    'the key "bо" has characters outside ASCII (U+043E)',
  ],
  ["a directive", "# What data there is\n", "%YAML 1.1\n---\n", "%YAML", "YAML directives are not allowed"],
  ["a second document", "rules:\n", "---\nrules:\n", "---", "only one YAML document is allowed"],
  ["a number as a key", "  bo:   {", "  1:   {", "1:   {", "a key must be text"],
  ["a list as a key", "  fraud-research: {}", "  fraud-research: { [a]: {} }", "[a]", "a key must be text"],
];

describe("readPolicy", () => {
  it("accepts the sample, with a warning", () => {
    const { policy, problems } = read(SAMPLE);
    expect(problems).toEqual([
      {
        ...placeOf("until: 2026-05-31", SAMPLE),
        severity: "warning",
        message: "purpose spring-campaign ended on 2026-05-31",
        hint: undefined,
      },
    ]);
    expect(policy?.members.find(({ id }) => id === "zed")).toMatchObject({
      suspended: "left 2026-06-30",
      line: lineOf("  zed:"),
    });
    expect(policy?.expires).toEqual({
      line: lineOf("expires:"),
      date: "2027-03-31",
      endMs: Date.parse("2027-04-01T00:00:00Z"),
    });
  });

  for (const [what, from, to, at, message, hint] of [...LATER, ...WRONG, ...HOSTILE]) {
    it(`refuses ${what}`, () => {
      const text = changed(from, to);
      const found = errors(text);
      const places = found.filter((problem) => problem.message.startsWith(message));
      expect(found.map((problem) => problem.message).join("\n")).toContain(message);
      // The place is the first one from the changed line on.
      const line = SAMPLE.lastIndexOf("\n", SAMPLE.indexOf(from)) + 1;
      const start = message.startsWith("the policy has no") ? 0 : line;
      const offset = text.indexOf(at, start);
      const before = text.slice(0, offset).split("\n");
      expect(places.map(({ line, column }) => ({ line, column }))).toContainEqual({
        line: before.length,
        column: (before.at(-1)?.length ?? 0) + 1,
      });
      if (hint !== undefined) expect(places.map((problem) => problem.hint)).toContain(hint);
    });
  }

  it("tells all problems in one pass, in order", () => {
    const text = changed("version: 7", "version: 0")
      .replace("owner: mei", "owner: mai")
      .replace("on: [artifact.push]", "on: [artifact.pus]");
    const found = errors(text);
    expect(found.length).toBeGreaterThanOrEqual(3);
    expect(found.map(({ line }) => line)).toEqual(found.map(({ line }) => line).sort((a, b) => a - b));
  });

  it("warns of a role nobody holds and of an end that is near", () => {
    const unheld = changed(
      "dee:  { name: Dee Okafor, roles: [data-scientist, reviewer@marketing]",
      "dee:  { name: Dee Okafor, roles: [data-scientist]",
    );
    expect(read(unheld).problems).toContainEqual({
      ...placeOf("  reviewer:", unheld),
      column: 3,
      severity: "warning",
      message: "nobody holds role reviewer",
      hint: undefined,
    });
    const day = 86_400_000;
    const end = Date.parse("2027-04-01T00:00:00Z");
    const about = (now: number): string[] =>
      read(SAMPLE, now)
        .problems.map(({ message }) => message)
        .filter((message) => message.startsWith("the policy"));
    expect(about(end - 30 * day - 1)).toEqual([]);
    expect(about(end - 30 * day)).toEqual(["the policy expires on 2027-03-31, in less than 30 days"]);
    expect(about(end)).toEqual(["the policy expired on 2027-03-31"]);
  });

  it("refuses limits on a role that creates no workspace", () => {
    const text = changed("  data-owner:\n", "  data-owner:\n    workspace: { ttl: 1h }\n");
    expect(errors(text)).toMatchObject([{ message: "role data-owner has workspace limits but no workspace.create" }]);
  });

  it("bounds domains times classes", () => {
    const domains = Array.from({ length: 26 }, (_, at) => `  d${String(at)}: { owner: mei, epoch: 1 }\n`).join("");
    const text = changed(
      "  marketing: { owner: mei, epoch: 1 }\n",
      `  marketing: { owner: mei, epoch: 1 }\n${domains}`,
    );
    expect(errors(text)).toMatchObject([
      { line: lineOf("domains:"), message: "28 domains × 4 classes is more than 100" },
    ]);
  });

  it.each([
    ["nothing", ""],
    ["a comment", "# nothing\n"],
    ["a scalar", "cloister"],
    ["a list", "- cloister: 1"],
    ["a bracket that stays open", changed("members: [ana, omar] }", "members: [ana, omar }")],
    ["bytes that are not UTF-8", Buffer.concat([Buffer.from(SAMPLE), Buffer.from([0xc3, 0x28])])],
    ["another encoding", Buffer.from(SAMPLE, "utf16le")],
    ["more than a megabyte", Buffer.from(`${SAMPLE}#${" ".repeat(1_000_000)}`)],
    ["deep brackets", "[".repeat(200_000)],
    ["deep maps", `a: ${"{a: ".repeat(50_000)}`],
    ["deep indentation", Array.from({ length: 900 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
    ["aliases that multiply", 'a: &a ["x","x"]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]'],
  ])("refuses %s", (_, text) => {
    expect(errors(text).length).toBeGreaterThan(0);
  });

  it("is done quickly with very many keys", () => {
    const keys = Array.from({ length: 25_000 }, (_, at) => `k${String(at)}: 1\n`).join("");
    const found = errors(keys);
    expect(found.length).toBeLessThanOrEqual(100);
  });

  it("never throws, and never accepts a policy with an error", () => {
    const piece = fc.oneof(
      fc.constantFrom(
        "{",
        "}",
        "[",
        "]",
        ": ",
        "- ",
        "\n",
        "  ",
        "*a",
        "&a ",
        "!!str ",
        "|",
        ">",
        "'",
        '"',
        "#",
        "%",
        "?",
        "__proto__",
        "<<",
      ),
      fc.string({ unit: "binary", maxLength: 4 }),
    );
    const edit = fc.record({ at: fc.nat(SAMPLE.length), drop: fc.nat(12), insert: fc.array(piece, { maxLength: 4 }) });
    fc.assert(
      fc.property(edit, ({ at, drop, insert }) => {
        const { policy, problems } = read(SAMPLE.slice(0, at) + insert.join("") + SAMPLE.slice(at + drop));
        expect(policy === undefined).toBe(problems.some(({ severity }) => severity === "error"));
        for (const { line, column } of problems) expect(Math.min(line, column)).toBeGreaterThanOrEqual(1);
      }),
      { numRuns: 80 },
    );
  });
});
