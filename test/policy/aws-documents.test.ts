// Roles, bucket and keys together, as AWS evaluates them, against Cedar: whoever leaves the session policy out gets no more
// than the project's policy allows them, and nobody gets less than they need.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bucketPolicy } from "../../src/policy/aws/bucket-policy.ts";
import { denyOlderSessions } from "../../src/policy/aws/deny-older.ts";
import type { PolicyDocument } from "../../src/policy/aws/document.ts";
import { keyPolicy, keysOf } from "../../src/policy/aws/key-policy.ts";
import { roleArnOf } from "../../src/policy/aws/names.ts";
import { type IamRole, iamRole } from "../../src/policy/aws/role.ts";
import { sessionNameOf } from "../../src/policy/aws/sessions-of.ts";
import { loadCedar } from "../../src/policy/cedar.ts";
import type { CompiledPolicy } from "../../src/policy/compiled.ts";
import { kmsKeyOf } from "../../src/policy/kms-key.ts";
import type { Policy } from "../../src/policy/schema.ts";
import {
  CLASSES,
  cedarAllows,
  DOMAINS,
  holdsHalf,
  MEMBERS,
  POLICIES,
  type StoreName,
  storeNames,
} from "./aws-world.ts";
import { allowed, documentAllows, type IamRequest } from "./iam-evaluator.ts";
import { compiled, NOW, SAMPLE } from "./sample.ts";

const cedar = await loadCedar();
const names = storeNames();

function rolesOf(policy: Policy): readonly IamRole[] {
  return policy.roles.map((role) => iamRole(policy, role)).filter((role) => role !== undefined);
}

function assuming(member: string, { role }: IamRole, policy: Policy, more: IamRequest["context"] = {}): IamRequest {
  return {
    action: "sts:AssumeRole",
    resource: "",
    principal: `arn:aws:iam::${policy.aws?.account ?? ""}:user/${member}`,
    context: {
      "sts:SourceIdentity": member,
      "aws:PrincipalTag/cloister-member": member,
      "aws:RequestTag/project": policy.projectId,
      "aws:RequestTag/role": role.id,
      "aws:TagKeys": ["project", "role", "policy"],
      "aws:CurrentTime": new Date(NOW).toISOString(),
      ...more,
    },
  };
}

/** A request in a session of the role, which carries the member as its source identity. */
function asked(policy: Policy, member: string, { role }: IamRole, request: Omit<IamRequest, "principal">): IamRequest {
  const principal = roleArnOf(policy.aws as NonNullable<Policy["aws"]>, role);
  const context = {
    "aws:SourceIdentity": member,
    "aws:PrincipalArn": principal,
    "aws:SecureTransport": "true",
    "aws:CurrentTime": new Date(NOW).toISOString(),
    ...request.context,
  };
  return { ...request, principal, context };
}

const CREATING = { "s3:if-none-match": "*", "s3:ObjectCreationOperation": "true" };

function object(policy: Policy, action: string, name: string): Omit<IamRequest, "principal"> {
  const key = policy.aws?.prefix ? `${policy.aws.prefix}/${name}` : name;
  return { action, resource: `arn:aws:s3:::b-1/${key}`, context: action === "s3:PutObject" ? CREATING : {} };
}

type What = Parameters<typeof cedarAllows>[2]["action"];

/** What Cedar says; `deduplicates`: whether reading is also right where only a push needs it. */
function may(policy: CompiledPolicy, member: string, action: string, name: StoreName, deduplicates: boolean): boolean {
  const ask = (what: What, at: { domain?: string | undefined; class?: string | undefined }): boolean =>
    cedarAllows(cedar, policy, { action: what, member, ...at });
  const at = { domain: name.domain, class: name.class };
  const some = (what: What): boolean => CLASSES.some((each) => ask(what, { domain: name.domain, class: each }));
  const reads = ask("artifact.pull", at) || ask("workspace.mount", at);
  const whole = reads || (deduplicates && ask("artifact.push", at) && ask("artifact.read-metadata", at));
  const copies = ask("store.copy", {});
  const anywhere = (what: What): boolean =>
    DOMAINS.some((domain) => CLASSES.some((each) => ask(what, { domain, class: each })));
  // A role that is held in some domains only is no way to a half in others: so those in escrow reach what they can.
  const inDomain = deduplicates || holdsRoleIn(policy, member, name.domain);
  const half = (which?: string): boolean => inDomain && holdsHalf(policy, member, name, which);
  const halfSomewhere = (which?: string): boolean =>
    DOMAINS.some(
      (domain) =>
        (deduplicates || holdsRoleIn(policy, member, domain)) &&
        CLASSES.some((each) => holdsHalf(policy, member, { domain, class: each }, which)),
    );
  // Copied is what is stored, and no key of KMS used.
  if (action === "s3:GetObject" && name.name !== "" && copies) return true;
  const cleans = ask("store.gc", {});
  if (action === "s3:DeleteObject" && name.wrap) {
    return cleans || ask("artifact.retire", at) || (name.half !== undefined && half(name.half));
  }
  switch (`${action} ${name.about}`) {
    case "s3:GetObject content":
      return whole || (name.wrap !== true && half("glass-invoke"));
    case "s3:GetObject manifest":
      if (name.wrap !== true && ["half-owner", "half-keeper", "glass-invoke"].some(half)) return true;
      return reads || ask("artifact.read-metadata", at);
    case "s3:GetObject half":
      return whole || half(name.half);
    case "s3:GetObject glass":
      return whole || half("glass-invoke");
    case "s3:PutObject half":
      return ask("artifact.push", at) || half(name.half);
    case "s3:GetObject statement":
      return reads || ask("artifact.read-metadata", at) || (deduplicates && ask("artifact.attest", at));
    case "s3:PutObject statement":
      return ask("artifact.attest", at);
    case "s3:GetObject tag":
      return some("artifact.read-metadata") || some("artifact.tag");
    case "s3:PutObject tag":
      return some("artifact.tag");
    case "s3:PutObject request":
      return anywhere("request.create") || halfSomewhere("glass-invoke");
    case "s3:PutObject release":
      return halfSomewhere();
    case "s3:DeleteObject release":
      return halfSomewhere() || anywhere("artifact.retire");
    case "s3:GetObject join":
    case "s3:DeleteObject join":
      return ask("member.add", {});
    case "s3:DeleteObject proposal":
      return policy.policy.owners.members.includes(member);
    case "s3:PutObject proposal":
      return true;
    case "s3:GetObject secret":
      return ask("secret.read", at) || ask("secret.write", at);
    case "s3:PutObject secret":
    case "s3:DeleteObject secret":
      return ask("secret.write", at);
    case "s3:DeleteObject content":
    case "s3:DeleteObject manifest":
    case "s3:PutObject mark":
    case "s3:DeleteObject mark":
      return cleans;
    case "s3:GetObject version":
      return (
        cleans ||
        ["artifact.read-metadata", "artifact.push", "artifact.retire", "request.approve"].some((what) =>
          some(what as What),
        ) || CLASSES.some((each) => inDomain && holdsHalf(policy, member, { ...name, class: each }))
      );
    case "s3:PutObject content":
    case "s3:PutObject manifest":
    case "s3:PutObject glass":
      return ask("artifact.push", at);
    case "s3:PutObject version":
      return some("artifact.push");
    case "s3:PutObject published":
      return ["policy.change", "member.add", "key.rotate"].some((what) => ask(what as What, {}));
    default:
      return action === "s3:GetObject" || (action === "s3:PutObject" && name.about === "log");
  }
}

function holdsRoleIn({ policy }: CompiledPolicy, member: string, domain: string | undefined): boolean {
  const roles = policy.members.find(({ id }) => id === member)?.roles ?? [];
  return roles.some((held) => (held.domain ?? domain) === domain);
}

describe("roles, bucket and keys together", () => {
  it("give nobody an object that Cedar refuses them, and everybody what Cedar allows them", () => {
    fc.assert(
      fc.property(POLICIES, (compiledPolicy) => {
        const { policy } = compiledPolicy;
        const bucket = bucketPolicy(policy);
        const all = rolesOf(policy);
        for (const member of MEMBERS) {
          const roles = all.filter((role) => documentAllows(role.trust, assuming(member, role, policy)));
          for (const action of ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]) {
            for (const each of names) {
              const can = roles.some((role) =>
                allowed(
                  { identity: role.permissions, bucket },
                  asked(policy, member, role, object(policy, action, each.name)),
                ),
              );
              const about = { member, action, name: each.name };
              if (can)
                expect({ ...about, may: may(compiledPolicy, member, action, each, true) }).toEqual({
                  ...about,
                  may: true,
                });
              else if (roles.length > 0)
                expect({ ...about, may: may(compiledPolicy, member, action, each, false) }).toEqual({
                  ...about,
                  may: false,
                });
            }
          }
        }
      }),
      { numRuns: 5 },
    );
  });

  it("use keys in the contexts that Cedar allows", () => {
    fc.assert(
      fc.property(POLICIES, (compiledPolicy) => {
        const { policy } = compiledPolicy;
        const all = rolesOf(policy);
        const keyPolicies = new Map(keysOf(policy).map((key) => [key, keyPolicy(policy, key)]));
        for (const member of MEMBERS) {
          const roles = all.filter((role) => documentAllows(role.trust, assuming(member, role, policy)));
          for (const domain of [...DOMAINS, "gone"]) {
            for (const name of CLASSES) {
              const key = kmsKeyOf(policy, name);
              if (key === undefined) continue;
              const context = { project: policy.projectId, domain, class: name };
              const uses = (action: string, more: object = {}): boolean =>
                roles.some((role) => {
                  const pairs = Object.entries({ ...context, ...more }).map(([k, v]) => [
                    `kms:EncryptionContext:${k}`,
                    v,
                  ]);
                  const request = asked(policy, member, role, {
                    action,
                    resource: key,
                    context: Object.fromEntries(pairs),
                  });
                  return allowed({ identity: role.permissions, key: keyPolicies.get(key) }, request);
                });
              const at: StoreName = { name: "", about: "manifest", wrap: true, domain, class: name };
              const secret: StoreName = { ...at, about: "secret", wrap: false };
              const about = { member, domain, name };
              const decrypts = uses("kms:Decrypt");
              if (decrypts)
                expect({
                  ...about,
                  may: [at, secret].some((each) => may(compiledPolicy, member, "s3:GetObject", each, true)),
                }).toEqual({
                  ...about,
                  may: true,
                });
              expect({ ...about, can: uses("kms:GenerateDataKey") }).toEqual({
                ...about,
                can: may(compiledPolicy, member, "s3:PutObject", at, true),
              });
              if ([at, secret].some((each) => may(compiledPolicy, member, "s3:GetObject", each, false)))
                expect({ ...about, decrypts }).toEqual({ ...about, decrypts: true });
              for (const action of ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt"])
                expect(uses(action, { project: "another" })).toBe(false);
            }
          }
        }
      }),
      { numRuns: 5 },
    );
  });
});

describe("a role's trust", () => {
  const { policy } = compiled();
  const scientist = rolesOf(policy).find(({ role }) => role.id === "data-scientist") as IamRole;
  const MFA = { "aws:MultiFactorAuthAge": "60" };
  const trusts = (member: string, more: IamRequest["context"] = {}): boolean =>
    documentAllows(scientist.trust, assuming(member, scientist, policy, { ...MFA, ...more }));

  it("is for its holders, by name, project and role, with a fresh second factor, until the policy's end", () => {
    expect(trusts("bo")).toBe(true);
    expect(trusts("dee", { "aws:RequestTag/purpose": "churn-modelling" })).toBe(true);
    for (const [what, member, more] of [
      ["who does not hold it", "omar", {}],
      ["who is suspended", "zed", {}],
      ["who takes another's name", "bo", { "aws:PrincipalTag/cloister-member": "dee" }],
      ["another project", "bo", { "aws:RequestTag/project": "another" }],
      ["another role", "bo", { "aws:RequestTag/role": "pipeline" }],
      ["a purpose of another role", "bo", { "aws:RequestTag/purpose": "fraud-research" }],
      ["a tag of one's own", "bo", { "aws:TagKeys": ["project", "role", "admin"] }],
      ["an old second factor", "bo", { "aws:MultiFactorAuthAge": "901" }],
      ["after the end", "bo", { "aws:CurrentTime": "2027-04-01T00:00:00Z" }],
    ] as const) {
      expect({ what, trusts: trusts(member, more) }).toEqual({ what, trusts: false });
    }
    for (const missing of ["sts:SourceIdentity", "aws:PrincipalTag/cloister-member", "aws:MultiFactorAuthAge"]) {
      const { [missing]: _, ...context } = assuming("bo", scientist, policy, MFA).context as Record<string, string>;
      expect(documentAllows(scientist.trust, { ...assuming("bo", scientist, policy), context })).toBe(false);
    }
  });

  it("takes the provider's token of holders alone, for the audience alone", () => {
    const provider = "arn:aws:iam::111122223333:oidc-provider/login.acme.example";
    const token = {
      "login.acme.example:aud": "sts.amazonaws.com",
      "login.acme.example:sub": "00u1bo",
      "aws:CurrentTime": "2026-08-03T12:00:00Z",
    };
    const with_ = (more: IamRequest["context"], principal = provider): boolean =>
      documentAllows(scientist.trust, {
        action: "sts:AssumeRoleWithWebIdentity",
        resource: "",
        principal,
        context: { ...token, ...more },
      });
    expect(with_({})).toBe(true);
    expect(with_({ "login.acme.example:sub": "00u1ana" })).toBe(false);
    expect(with_({ "login.acme.example:aud": "cloister" })).toBe(false);
    expect(with_({ "sts:SourceIdentity": "omar" })).toBe(false);
    expect(with_({}, "arn:aws:iam::111122223333:oidc-provider/evil.example")).toBe(false);
  });

  it("lets an expired policy be renewed, and nothing else", () => {
    const officer = rolesOf(policy).find(({ role }) => role.id === "security-officer") as IamRole;
    const late = { "aws:CurrentTime": "2027-04-01T00:00:00Z" };
    expect(documentAllows(officer.trust, assuming("ana", officer, policy, { ...MFA, ...late }))).toBe(true);
    const can = (action: string, name: string, context: IamRequest["context"]): boolean => {
      const resource = `arn:aws:s3:::acme-ml/team/churn/${name}`;
      return documentAllows(steward.permissions, { action, resource, context });
    };
    const text = SAMPLE.replace(
      "can: [artifact.pull, artifact.push, artifact.retire",
      "can: [policy.change, artifact.pull, artifact.push",
    );
    const steward = rolesOf(compiled(text).policy).find(({ role }) => role.id === "data-owner") as IamRole;
    for (const name of ["policy/1", "log/commit/1", "epochs/churn/internal/1"]) {
      expect(can("s3:PutObject", name, late)).toBe(true);
    }
    // Five letters, as packs, seals and wraps have.
    expect(can("s3:GetObject", "joins/x", late)).toBe(true);
    expect(
      can("s3:GetObject", "packs/churn/internal/ab/x", {
        "aws:CurrentTime": "2027-03-31T23:59:59Z",
        "aws:SourceIdentity": "omar",
      }),
    ).toBe(true);
    for (const action of ["s3:GetObject", "s3:PutObject"]) {
      expect(can(action, "packs/churn/internal/ab/x", { ...late, "aws:SourceIdentity": "omar" })).toBe(false);
    }
  });

  it("lasts as long as the role's credentials, within what IAM takes", () => {
    const seconds = (ttl: string): number | undefined => {
      const other = compiled(SAMPLE.replace("credentials: { ttl: 1h }", `credentials: { ttl: ${ttl} }`)).policy;
      return rolesOf(other).find(({ role }) => role.id === "data-scientist")?.maxSessionSeconds;
    };
    expect([seconds("15m"), seconds("1h"), seconds("4h"), seconds("2d")]).toEqual([3600, 3600, 14_400, 43_200]);
  });
});

describe("the bucket's policy", () => {
  const { policy } = compiled();
  const bucket = bucketPolicy(policy);
  const scientist = rolesOf(policy).find(({ role }) => role.id === "data-scientist") as IamRole;
  const can = (action: string, name: string, more: IamRequest["context"] = {}): boolean => {
    const request = { action, resource: `arn:aws:s3:::acme-ml/team/churn/${name}`, context: { ...CREATING, ...more } };
    return allowed({ identity: ADMIN, bucket }, asked(policy, "bo", scientist, request));
  };
  /** Whatever the role's own policy may have become. */
  const ADMIN = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] } as const;

  it("refuses overwriting, deleting of what is evidence, plain http, foreign classes and suspended members", () => {
    expect(can("s3:PutObject", "packs/churn/internal/ab/x")).toBe(true);
    const { "s3:if-none-match": _, ...overwriting } = CREATING;
    const request = {
      action: "s3:PutObject",
      resource: "arn:aws:s3:::acme-ml/team/churn/packs/churn/internal/ab/x",
      context: overwriting,
    };
    expect(allowed({ identity: ADMIN, bucket }, asked(policy, "bo", scientist, request))).toBe(false);
    const part = { ...request, context: { "s3:ObjectCreationOperation": "false" } };
    expect(allowed({ identity: ADMIN, bucket }, asked(policy, "bo", scientist, part))).toBe(true);
    const named = ["requests/x", "statements/churn/internal/x/y", "tags/churn/a/b"];
    for (const name of [
      ...["log/commit/1", "policy/1", "epochs/churn/internal/1", "versions/churn/a/1", "cloister"],
      ...named,
    ]) {
      expect(can("s3:DeleteObject", name)).toBe(false);
      expect(can("s3:DeleteObjectVersion", name)).toBe(false);
    }
    expect(can("s3:GetObject", "packs/churn/internal/ab/x", { "aws:SecureTransport": "false" })).toBe(false);
    expect(can("s3:GetObject", "packs/churn/restricted/ab/x")).toBe(false);
    expect(can("s3:PutObject", "seals/churn/restricted/x")).toBe(false);
    expect(can("s3:GetObject", "packs/churn/internal/ab/x", { "aws:SourceIdentity": "zed" })).toBe(false);
    expect(can("s3:PutObject", "anything", { "aws:PrincipalArn": "arn:aws:iam::111122223333:role/admin" })).toBe(false);
  });
});

describe("the keys of a version", () => {
  const { policy } = compiled();
  const bucket = bucketPolicy(policy);
  const may = (member: string, role: string, name: string): boolean => {
    const held = rolesOf(policy).find((each) => each.role.id === role) as IamRole;
    const resource = `arn:aws:s3:::acme-ml/team/churn/${name}`;
    const request = { action: "s3:DeleteObject", resource, context: {} };
    return allowed({ identity: held.permissions, bucket }, asked(policy, member, held, request));
  };

  it("are deleted by who may retire it, in their own domain, and nothing else of it", () => {
    expect(may("omar", "data-owner", "wraps/churn/internal/x/data")).toBe(true);
    expect(may("omar", "data-owner", "wraps/marketing/internal/x/data")).toBe(false);
    expect(may("bo", "data-scientist", "wraps/churn/internal/x/data")).toBe(false);
    for (const name of ["packs/churn/internal/ab/x", "seals/churn/internal/x", "versions/churn/a/1", "log/commit/1"]) {
      expect(may("omar", "data-owner", name)).toBe(false);
    }
  });
});

describe("sessions of a member", () => {
  const { policy } = compiled();
  const role = "AROAEXAMPLE";
  const operation = "0123456789abcdef0123456789abcdef";
  /** As AWS knows a session that was opened with keys, and one that was opened with an OpenID token. */
  const sessions = (member: string): readonly IamRequest["context"][] => [
    { "aws:SourceIdentity": member, "aws:userid": `${role}:another-name` },
    { "aws:userid": `${role}:${sessionNameOf(member, operation)}` },
  ];
  const denies = (document: PolicyDocument, context: IamRequest["context"]): boolean => {
    const resource = "arn:aws:s3:::acme-ml/team/churn/cloister";
    const secure = { "aws:SecureTransport": "true", "aws:TokenIssueTime": "2026-08-03T12:00:00Z" };
    const asks = { action: "s3:GetObject", resource, principal: "arn:aws:iam::111122223333:role/x" };
    return !allowed({ identity: ALL, bucket: document }, { ...asks, context: { ...secure, ...context } });
  };
  const ALL = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "*", Resource: "*" }] } as const;

  it("end when the member is suspended, whichever way they were opened, and nobody else's do", () => {
    const [key = ""] = keysOf(policy);
    for (const context of sessions("zed")) expect(denies(bucketPolicy(policy), context)).toBe(true);
    for (const member of ["bo", "zed.x"])
      for (const context of sessions(member)) expect(denies(bucketPolicy(policy), context)).toBe(false);
    expect(JSON.stringify(keyPolicy(policy, key))).toContain(`"*:zed.${"?".repeat(32)}"`);
  });

  it("can be taken back where they are older, and nobody else's with them", () => {
    const before = Date.parse("2026-08-03T12:00:01Z");
    for (const context of sessions("bo")) {
      expect(denies(denyOlderSessions(before, "bo"), context)).toBe(true);
      expect(denies(denyOlderSessions(before - 1000, "bo"), context)).toBe(false);
    }
    for (const context of sessions("bo.x")) expect(denies(denyOlderSessions(before, "bo"), context)).toBe(false);
  });

  it("have names that AWS takes, however long the member's is", () => {
    const long = "m".repeat(128);
    expect(sessionNameOf(long, operation)).toHaveLength(64);
    expect(denies(denyOlderSessions(Date.parse("2026-08-04"), long), sessions(long)[1] ?? {})).toBe(true);
  });
});

describe("a key's policy", () => {
  const { policy } = compiled();
  const [general = ""] = keysOf(policy);
  const document = keyPolicy(policy, general);
  const root = "arn:aws:iam::111122223333:role/key-admin";
  const context = {
    "kms:EncryptionContext:project": policy.projectId,
    "kms:EncryptionContext:domain": "churn",
    "kms:EncryptionContext:class": "internal",
  };

  it("lets administrators administer, and decrypt nothing", () => {
    const may_ = (action: string): boolean =>
      documentAllows(document, { action, resource: general, principal: root, context });
    expect(["kms:PutKeyPolicy", "kms:DescribeKey", "kms:ScheduleKeyDeletion"].map(may_)).toEqual([true, true, true]);
    expect(
      ["kms:Decrypt", "kms:GenerateDataKey", "kms:Encrypt", "kms:ReEncryptFrom", "kms:CreateGrant"].map(may_),
    ).toEqual([false, false, false, false, false]);
  });

  it("is of the key's own account, which may be another than the roles'", () => {
    const foreign = general.replace("111122223333", "444455556666");
    const { Statement } = keyPolicy(compiled(SAMPLE.replace(general, foreign)).policy, foreign);
    expect(Statement[0]?.Principal).toEqual({ AWS: "arn:aws:iam::444455556666:root" });
    expect(JSON.stringify(Statement)).toContain("arn:aws:iam::111122223333:role/ml-churn-data-scientist");
  });
});
