import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS } from "../../src/policy/dates.ts";
import type { Problem } from "../../src/policy/problem.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { EXAMPLE } from "./example.ts";
import { keyArn, lineOf, NOW, SAMPLE } from "./sample.ts";
import { HOSTILE, LATER, WRONG, WRONG_AWS, WRONG_CREDENTIALS, WRONG_LOGIN } from "./wrong-files.ts";
import { WRONG_GOVERNANCE } from "./wrong-governance.ts";

function read(text: string | Uint8Array, now = NOW): ReturnType<typeof readPolicy> {
  return readPolicy(typeof text === "string" ? Buffer.from(text) : text, { now });
}

/** The sample, or another policy, with one place changed. */
function changed(from: string, to: string, base = SAMPLE): string {
  if (!base.includes(from)) throw new Error(`not in the policy: ${from}`);
  return base.replace(from, to);
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
      {
        ...placeOf("creds.issue: 15m", SAMPLE),
        severity: "warning",
        message: "without oidc at https://login.acme.example, dee can never creds.issue",
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

  it("accepts the whole of the format without a complaint", () => {
    const { policy, problems } = read(EXAMPLE);
    expect(problems).toEqual([]);
    expect(policy).toMatchObject({
      owners: { threshold: 2, members: ["ana", "omar", "priya"] },
      labelFloor: { ms: 30 * DAY_MS },
      stages: ["dev", "candidate", "production"],
      gates: [
        { id: "dev -> candidate", evidence: ["tests-passed", "dependencies-approved"], approvals: undefined },
        { id: "candidate -> production", approvals: { needs: [{ role: "reviewer", count: 1 }, { count: 1 }] } },
      ],
      retention: { after: "shred-keys", classes: [{ class: "restricted", keepMs: 90 * DAY_MS }] },
      breakGlass: { can: ["artifact.pull", "workspace.mount", "creds.issue"], escrow: ["mei", "priya"] },
      accessReview: { everyMs: 90 * DAY_MS, by: "security-officer", lapsed: "read-only" },
    });
    expect(policy?.retention?.stages.map(({ keepMs }) => keepMs / DAY_MS)).toEqual([30, 180, 1095]);
    expect(policy?.separate[2]).toMatchObject({ who: "artifact.push", cannot: "artifact.promote", above: "internal" });
    expect(policy?.evidence[1]).toMatchObject({ id: "dependencies-approved", by: ["reviewer"], notByPusher: true });
    expect(policy?.rules[0]).toMatchObject({ release: "keys", grant: { maxMs: 4 * 3_600_000 } });
    expect(policy?.rules.flatMap(({ destinations }) => destinations ?? [])).toEqual([
      "s3://partner-acme/*",
      "domain:marketing",
    ]);
    expect(policy?.roles[0]).toMatchObject({
      stages: ["dev", "candidate"],
      quota: { pullBytesPerDay: 50e9, exportsPerWeek: 5 },
    });
  });

  const inSample = [...LATER, ...WRONG, ...WRONG_LOGIN, ...WRONG_AWS, ...WRONG_CREDENTIALS, ...HOSTILE];
  for (const [base, [what, from, to, at, message, hint]] of [
    ...inSample.map((refused) => [SAMPLE, refused] as const),
    ...WRONG_GOVERNANCE.map((refused) => [EXAMPLE, refused] as const),
  ]) {
    it(`refuses ${what}`, () => {
      const text = changed(from, to, base);
      const found = errors(text);
      const places = found.filter((problem) => problem.message.startsWith(message));
      expect(found.map((problem) => problem.message).join("\n")).toContain(message);
      // The place is the first one from the changed line on.
      const line = base.lastIndexOf("\n", base.indexOf(from)) + 1;
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
    const weak = changed("[10.20.0.0/16]", "[127.0.0.0/8]");
    expect(read(weak).problems).toContainEqual({
      ...placeOf("private-networks", weak),
      severity: "warning",
      message: "127.0.0.0/8 weakens workspaces: allowed hosts may be services of the machine they run on",
      hint: "leave it out, unless such a service is meant",
    });
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

  it("reads where people log in and where the project lies in AWS", () => {
    const { policy } = read(SAMPLE);
    expect(policy).toMatchObject({
      login: { issuer: "https://login.acme.example", client: "cloister", audience: "sts.amazonaws.com" },
      aws: { account: "111122223333", region: "eu-west-1", bucket: "acme-ml", prefix: "team/churn" },
      mfaWithin: [
        { action: "creds.issue", withinMs: 900_000, line: lineOf("  mfa-within") },
        { action: "secret.write", withinMs: 300_000 },
      ],
      rotateSecretsMs: 90 * 86_400_000,
    });
    expect(policy?.aws).toMatchObject({
      rolePrefix: "ml-churn-",
      kms: keyArn(1),
      kmsByClass: [{ class: "restricted", key: keyArn(2) }],
    });
    expect(policy?.members.find(({ id }) => id === "bo")?.oidc).toEqual({
      issuer: "https://login.acme.example",
      sub: "00u1bo",
    });
    expect(policy?.roles.map(({ credentialTtlMs }) => credentialTtlMs)).toContain(3_600_000);
  });

  it("needs of the AWS part no more than account, region and bucket", () => {
    const text = SAMPLE.replace(/ {2}(?:prefix|role-prefix|kms|kms-by-class): .*\n?/g, "");
    expect(read(text).policy?.aws).toMatchObject({
      prefix: "",
      rolePrefix: "cloister-churn-model-",
      kms: undefined,
      kmsByClass: [],
    });
    expect(errors(changed('  account: "111122223333"\n', ""))).toMatchObject([
      { ...placeOf("region: eu-west-1", changed('  account: "111122223333"\n', "")), message: "aws has no account" },
    ]);
  });

  it.each([
    ["China", "cn-north-1", "arn:aws-cn:"],
    ["a region of the US government", "us-gov-west-1", "arn:aws-us-gov:"],
    ["another account's key", "eu-west-1", "arn:aws:"],
  ])("takes the keys of %s", (_, region, partition) => {
    const arn = (number: number): string => keyArn(number, region, "444455556666").replace("arn:aws:", partition);
    const text = SAMPLE.replace("region: eu-west-1", `region: ${region}`)
      .replace(keyArn(1), arn(1))
      .replace(keyArn(2), arn(2));
    expect(read(text).policy?.aws).toMatchObject({ kms: arn(1), kmsByClass: [{ class: "restricted", key: arn(2) }] });
  });

  it("refuses credentials shorter than AWS issues, where the project is in AWS", () => {
    const short = changed("credentials: { ttl: 1h }", "credentials: { ttl: 14m }");
    expect(errors(short)).toMatchObject([
      {
        line: lineOf("  data-scientist:"),
        message: "role data-scientist has a credentials ttl below 15m, and AWS issues no shorter session",
      },
    ]);
    expect(errors(short.replace(/\naws:[\s\S]*/, "\n"))).toEqual([]);
  });

  it("refuses a second factor that nobody can have", () => {
    const login = /login: .*\n/;
    expect(errors(SAMPLE.replace(login, ""))).toMatchObject([
      { ...placeOf("mfa-within", SAMPLE), message: "mfa-within can never be met: the policy has no login" },
    ]);
    const stranded = SAMPLE.replace("secret.write: 5m", "policy.change: 5m").replace(
      ", oidc: { issuer: https://login.acme.example, sub: 00u1ana }",
      "",
    );
    expect(errors(stranded)).toMatchObject([
      {
        ...placeOf("policy.change: 5m", stranded),
        message: "no owner who may change the policy can log in: the policy could never change",
      },
    ]);
  });

  it("warns of people whom no login can reach", () => {
    const about = (text: string): string[] =>
      read(text)
        .problems.map(({ message }) => message)
        .filter((message) => message.includes("oidc of"));
    expect(about(SAMPLE)).toEqual([]);
    expect(about(SAMPLE.replace("login.acme.example, sub: 00u1bo", "id.acme.example, sub: 00u1bo"))).toEqual([
      "the oidc of bo is of no use: login asks https://login.acme.example",
    ]);
    expect(about(SAMPLE.replace(/login: .*\n| {2}mfa-within.*\n/g, ""))).toEqual(
      ["ana", "bo"].map((id) => `the oidc of ${id} is of no use: the policy has no login`),
    );
  });

  it.each([
    "http://localhost:8080/realms/ml",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
    "https://login.acme.example:8443/a/b",
  ])("takes the issuer %s", (issuer) => {
    const text = SAMPLE.replaceAll("https://login.acme.example", JSON.stringify(issuer));
    expect(read(text).policy?.login?.issuer).toBe(issuer);
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
    ["a megabyte of brackets", "}".repeat(990_000)],
    ["a megabyte of empty lines", "\n".repeat(990_000)],
    ["deep brackets", "[".repeat(200_000)],
    ["deep maps", `a: ${"{a: ".repeat(50_000)}`],
    ["deep indentation", Array.from({ length: 900 }, (_, at) => `${" ".repeat(at)}a:`).join("\n")],
    ["aliases that multiply", 'a: &a ["x","x"]\nb: &b [*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b]\nd: [*c,*c,*c,*c]'],
  ])("refuses %s", (_, text) => {
    expect(errors(text).length).toBeGreaterThan(0);
  });

  it("is done quickly with very many keys", () => {
    const keys = Array.from({ length: 15_000 }, (_, at) => `k${String(at)}: 1\n`).join("");
    const found = errors(keys);
    expect(found.length).toBeLessThanOrEqual(100);
  });

  it("is done quickly with very many unknown names", () => {
    const names = Array.from({ length: 20_000 }, (_, at) => `someone-unknown-${String(at)}`).join(", ");
    const found = errors(changed("members: [ana, omar]", `members: [${names}]`));
    expect(found.length).toBeGreaterThan(90);
    expect(found[50]?.hint).toMatch(/known: ana/);
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
