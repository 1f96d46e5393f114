import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SessionPolicyOptions, sessionPolicy } from "../../src/policy/aws/session-policy.ts";
import { loadCedar } from "../../src/policy/cedar.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { kmsKeyOf } from "../../src/policy/kms-key.ts";
import { CLASSES, cedarAllows, DOMAINS, MEMBERS, POLICIES, type StoreName, storeNames } from "./aws-world.ts";
import { documentAllows, type IamRequest } from "./iam-evaluator.ts";
import { compiled, lineOf, NOW, SAMPLE } from "./sample.ts";

const cedar = await loadCedar();
const names = storeNames();

type Options = Omit<SessionPolicyOptions, "now">;

const options: fc.Arbitrary<Options> = fc.record(
  {
    member: fc.constantFrom(...MEMBERS),
    domain: fc.constantFrom(...DOMAINS),
    purpose: fc.constantFrom("modelling", "research"),
    readOnly: fc.boolean(),
    upTo: fc.constantFrom(...CLASSES),
  },
  { requiredKeys: ["member"] },
);

function documentFor({ policy }: CompiledPolicy, asked: Options) {
  try {
    return sessionPolicy(policy, { ...asked, now: NOW });
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^POLICY_DENIED$|^USAGE$/) });
    return undefined;
  }
}

function key({ policy }: CompiledPolicy, name: string): string {
  return policy.aws?.prefix ? `${policy.aws.prefix}/${name}` : name;
}

function object(policy: CompiledPolicy, action: string, name: string): IamRequest {
  return { action, resource: `arn:aws:s3:::b-1/${key(policy, name)}`, context: {} };
}

function kms({ policy }: CompiledPolicy, action: string, domain: string, name: string): IamRequest | undefined {
  const resource = kmsKeyOf(policy, name);
  const about = { project: policy.projectId, domain, class: name, artifact: "ab", number: "1" };
  const context = Object.fromEntries(
    Object.entries(about).map(([each, value]) => [`kms:EncryptionContext:${each}`, value]),
  );
  return resource === undefined ? undefined : { action, resource, context };
}

/** What Cedar says of the thing that an action of S3 amounts to. */
function mayCedar(
  policy: CompiledPolicy,
  asked: Options,
  action: string,
  { about, domain, class: name }: StoreName,
): boolean {
  const { member, purpose } = asked;
  const may = (
    what: Parameters<typeof cedarAllows>[2]["action"],
    at: { domain?: string | undefined; class?: string | undefined },
  ): boolean => cedarAllows(cedar, policy, { action: what, member, purpose, ...at });
  const within = (domainOf: string | undefined, classOf: string): boolean =>
    (asked.domain ?? domainOf) === domainOf && CLASSES.indexOf(classOf) <= CLASSES.indexOf(asked.upTo ?? "restricted");
  const issued = (at: { domain: string | undefined; class: string }): boolean =>
    CLASSES.includes(at.class) && within(at.domain, at.class) && may("creds.issue", at);
  const pushes = (at: { domain: string | undefined; class: string }): boolean => issued(at) && may("artifact.push", at);
  const tags = (at: { domain: string | undefined; class: string }): boolean => issued(at) && may("artifact.tag", at);
  const asks = (at: { domain: string | undefined; class: string }): boolean => issued(at) && may("request.create", at);
  const describes = (at: { domain: string | undefined; class: string }): boolean =>
    issued(at) && may("artifact.read-metadata", at);
  const reads = (at: { domain: string | undefined; class: string }): boolean =>
    issued(at) && (may("artifact.pull", at) || may("workspace.mount", at) || (pushes(at) && describes(at)));
  const some = (test: (at: { domain: string | undefined; class: string }) => boolean): boolean =>
    CLASSES.some((each) => test({ domain, class: each }));
  const at = { domain, class: name ?? "" };
  const creates = asked.readOnly !== true;
  switch (`${action} ${about}`) {
    case "s3:GetObject content":
    case "s3:GetObject half":
    case "s3:GetObject glass":
      return reads(at);
    case "s3:GetObject statement":
      return reads(at) || describes(at);
    case "s3:PutObject statement":
      return creates && issued(at) && may("artifact.attest", at);
    case "s3:GetObject tag":
      return some((each) => describes(each) || reads(each)) || (creates && some(tags));
    case "s3:PutObject tag":
      return creates && some(tags);
    case "s3:PutObject request":
      return creates && DOMAINS.some((each) => CLASSES.some((klass) => asks({ domain: each, class: klass })));
    case "s3:GetObject manifest":
      return reads(at) || describes(at);
    case "s3:GetObject secret":
      return issued(at) && (may("secret.read", at) || may("secret.write", at));
    case "s3:PutObject secret":
      return creates && issued(at) && may("secret.write", at);
    case "s3:GetObject version":
      return some((each) => describes(each) || reads(each) || (creates && pushes(each)));
    case "s3:GetObject published":
    case "s3:GetObject log":
    case "s3:GetObject proposal":
    case "s3:GetObject request":
    case "s3:GetObject release":
    case "s3:GetObject mark":
    case "s3:GetObject other":
      return true;
    case "s3:PutObject content":
    case "s3:PutObject manifest":
    case "s3:PutObject half":
    case "s3:PutObject glass":
      return creates && pushes(at);
    case "s3:PutObject version":
      return creates && some(pushes);
    case "s3:PutObject log":
    case "s3:PutObject proposal":
      return creates;
    case "s3:PutObject published":
      return creates && ["policy.change", "member.add", "key.rotate"].some((each) => may(each as "policy.change", {}));
    default:
      return false;
  }
}

const ACTIONS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion", "s3:PutObjectAcl"];

describe("a session policy", () => {
  it("allows nothing on an object that Cedar refuses, and everything that a pull or a push needs", () => {
    fc.assert(
      fc.property(POLICIES, options, (policy, asked) => {
        const session = documentFor(policy, asked);
        if (!session) return;
        expect(session.chars).toBeLessThanOrEqual(2000);
        // Asked for less than the whole role, nothing is published.
        const narrowed = asked.domain !== undefined || asked.upTo !== undefined;
        for (const action of ACTIONS) {
          for (const each of names) {
            const can = documentAllows(session.document, object(policy, action, each.name));
            // What lies beside the data is left out where the text would be too long, and said to be.
            const bare = session.statements.some(({ what }) => what.includes("no statements and tags"));
            const left = bare && ["statement", "tag"].includes(each.about);
            const may = !left && mayCedar(policy, asked, action, each);
            const wanted = narrowed && action === "s3:PutObject" && each.about === "published" ? false : may;
            expect({ action, name: each.name, can }).toEqual({ action, name: each.name, can: wanted });
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it("uses a key of KMS in the contexts alone that Cedar allows", () => {
    fc.assert(
      fc.property(POLICIES, options, (policy, asked) => {
        const session = documentFor(policy, asked);
        if (!session) return;
        for (const domain of [...DOMAINS, "gone"]) {
          for (const name of [...CLASSES, "removed"]) {
            for (const [action, how, about] of [
              ["kms:Decrypt", "s3:GetObject", "manifest"],
              ["kms:GenerateDataKey", "s3:PutObject", "content"],
            ] as const) {
              const request = kms(policy, action, domain, name);
              if (!request) continue;
              const can = documentAllows(session.document, request);
              expect({ action, domain, name, can }).toEqual({
                ...{ action, domain, name },
                can: (action === "kms:Decrypt" ? (["manifest", "secret"] as const) : [about]).some((each) =>
                  mayCedar(policy, asked, how, { name: "", about: each, domain, class: name }),
                ),
              });
              const foreign = {
                ...request,
                context: { ...request.context, "kms:EncryptionContext:project": "another" },
              };
              expect(documentAllows(session.document, foreign)).toBe(false);
              expect(documentAllows(session.document, { ...request, context: {} })).toBe(false);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it("lists where it reads and nowhere else, never the whole bucket", () => {
    fc.assert(
      fc.property(POLICIES, options, (policy, asked) => {
        const session = documentFor(policy, asked);
        if (!session) return;
        const list = (context: IamRequest["context"]): boolean =>
          documentAllows(session.document, { action: "s3:ListBucket", resource: "arn:aws:s3:::b-1", context });
        expect(list({})).toBe(false);
        for (const prefix of [
          "",
          "p",
          "p/",
          "team/",
          "packs/",
          key(policy, ""),
          key(policy, "packs/"),
          key(policy, "packs/churn/"),
        ]) {
          expect(list({ "s3:prefix": prefix })).toBe(false);
        }
        for (const prefix of ["log/commit/", "policy/"]) expect(list({ "s3:prefix": key(policy, prefix) })).toBe(true);
        for (const { name } of names) {
          if (list({ "s3:prefix": key(policy, name) })) {
            expect(documentAllows(session.document, object(policy, "s3:GetObject", name))).toBe(true);
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("sessionPolicy", () => {
  const { policy } = compiled();
  const issue = (more: Partial<SessionPolicyOptions>) => sessionPolicy(policy, { member: "bo", now: NOW, ...more });

  it("is the same text for the same policy", () => {
    expect(issue({})).toEqual(issue({}));
    expect(issue({}).text).toMatchSnapshot();
    expect(JSON.parse(issue({}).text)).toEqual(issue({}).document);
  });

  it("says what each statement is for, from which lines, and what AWS does not see", () => {
    const { statements, document } = issue({ readOnly: true });
    expect(statements).toHaveLength(document.Statement.length);
    expect(statements[0]?.what).toMatch(
      /^read: .*churn\/confidential; AWS does not see: confidential-stays-in-workspaces \(line \d+\), models-say-who-and-what/,
    );
    for (const { lines } of statements) expect(lines).toEqual([lineOf("  data-scientist:\n")]);
  });

  it("honours a refusal that is about a class whatever is in it, and names its line", () => {
    const text = SAMPLE.replace(
      "rules:\n",
      "rules:\n  no-keys-to-secrets:\n    on: [creds.issue]\n    from: confidential\n    refuse: No.\n",
    );
    const strict = sessionPolicy(compiled(text).policy, { member: "bo", now: NOW });
    expect(strict.text).toContain("churn/internal");
    expect(strict.text).not.toContain("confidential");
    expect(strict.statements[0]?.lines).toContain(lineOf("  no-keys-to-secrets", text));
  });

  it.each([
    ["a suspended member", { member: "zed" }, "zed is suspended (left 2026-06-30)"],
    ["a stranger", { member: "eve" }, "eve is not a member"],
    ["an expired policy", { now: Date.parse("2027-04-01T00:00:00Z") }, "the policy expired on 2027-03-31"],
    ["a purpose that ended", { purpose: "spring-campaign" }, "spring-campaign"],
    ["a purpose of nobody's", { purpose: "fun" }, "fun"],
    [
      "another's purpose",
      { purpose: "fraud-research" },
      "bo may issue no credentials for any data with purpose fraud-research",
    ],
    ["another domain", { domain: "marketing" }, "with domain marketing"],
    ["a role not held", { role: "pipeline" }, "with role pipeline"],
    ["a role that issues nothing", { member: "omar" }, "omar may issue no credentials for any data"],
  ])("gives %s nothing", (_, more, why) => {
    expect(() => issue(more)).toThrow(
      expect.objectContaining({ code: "POLICY_DENIED", why: expect.stringContaining(why) }),
    );
  });

  it("is terse where that keeps it within 2,000 characters, and fails above", () => {
    const dee = issue({ member: "dee" });
    expect(dee.chars).toBeLessThanOrEqual(2000);
    expect(dee.statements.map(({ what }) => what).join()).toContain("contents aside");
    expect(
      issue({})
        .statements.map(({ what }) => what)
        .join(),
    ).not.toContain("contents aside");
    const long = SAMPLE.replace("prefix: team/churn", `prefix: ${"deep/".repeat(30)}churn`);
    expect(() => sessionPolicy(compiled(long).policy, { member: "dee", now: NOW })).toThrow(
      expect.objectContaining({ code: "USAGE", why: expect.stringMatching(/^\d{4} characters for 6 pairs/) }),
    );
  });

  it("does not take a wildcard for a name, whoever made the policy", () => {
    const forged = {
      ...policy,
      classifications: policy.classifications.map((name) => (name === "internal" ? "*" : name)),
    };
    expect(() => sessionPolicy(forged, { member: "bo", now: NOW })).toThrow('"*" cannot be a part of an IAM policy');
  });
});
