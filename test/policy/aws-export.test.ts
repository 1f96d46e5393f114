import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../src/base/json.ts";
import { clausesOf } from "../../src/policy/aws/canonical.ts";
import { readingsOf } from "../../src/policy/aws/deployed.ts";
import type { PolicyDocument } from "../../src/policy/aws/document.ts";
import { differences } from "../../src/policy/aws/drift.ts";
import { exportAws } from "../../src/policy/aws/export.ts";
import { POLICIES } from "./aws-world.ts";
import { documentAllows } from "./iam-evaluator.ts";
import { compiled, SAMPLE } from "./sample.ts";

const { policy } = compiled();
const exported = exportAws(policy);

/** What `aws` would print if all were as exported. */
function printed(): Record<string, { [key: string]: Json }> {
  const outputs: Record<string, { [key: string]: Json }> = {};
  for (const { file, document } of exported.documents) {
    const json = document as unknown as Json;
    if (file.endsWith(".permissions.json")) outputs[file] = { PolicyDocument: json };
    else if (file !== "people.json" && !file.endsWith(".trust.json"))
      outputs[file] = { Policy: JSON.stringify(document) };
  }
  for (const { role, trust, maxSessionSeconds } of exported.roles) {
    const document = encodeURIComponent(JSON.stringify(trust));
    outputs[`role-${role.id}.trust.json`] = {
      Role: { AssumeRolePolicyDocument: document, MaxSessionDuration: maxSessionSeconds },
    };
    outputs[`role-${role.id}.inline.json`] = { PolicyNames: ["cloister"] };
    outputs[`role-${role.id}.attached.json`] = { AttachedPolicies: [] };
  }
  return outputs;
}

function drift(outputs: Record<string, { [key: string]: Json }>): string[] {
  return readingsOf(policy, exported).flatMap((reading) =>
    reading
      .compare(outputs[reading.file] ?? {})
      .map(({ direction, text }) => `${reading.title}: ${direction}: ${text}`),
  );
}

describe("exportAws", () => {
  it("is the same bytes for the same policy", () => {
    expect(exportAws(compiled().policy).files).toEqual(exported.files);
    expect(exported.files.map(({ file }) => file)).toMatchSnapshot();
  });

  it("keeps every document within what AWS takes, or says which is too long", () => {
    for (const { chars, charsMax } of exported.documents) expect(chars).toBeLessThanOrEqual(charsMax);
    const many = Array.from(
      { length: 90 },
      (_, at) =>
        `\n  member-with-a-long-name-${String(at)}: { name: X, roles: [reviewer], signs: "p256:${String(at + 900).padStart(44, "A")}", reads: "${key(at)}" }`,
    );
    const text = SAMPLE.replace("\nroles:", `${many.join("")}\n\nroles:`);
    const grown = exportAws(compiled(text).policy);
    expect(grown.notes.join("\n")).toMatch(/the trust of role reviewer has \d{4} characters: raise the quota/);
    const longer = SAMPLE.replace(
      "\nroles:",
      `${many.join("").replaceAll("member-with", "member-with-an-even-longer-name-so-that-it-is-too-much")}\n\nroles:`,
    );
    expect(() => exportAws(compiled(longer).policy)).toThrow(
      expect.objectContaining({ code: "USAGE", message: "too long for AWS: permissions of role reviewer" }),
    );
  });

  it("needs an aws part", () => {
    const without = compiled(SAMPLE.replace(/\naws:[\s\S]*/, "\n")).policy;
    expect(() => exportAws(without)).toThrow(
      expect.objectContaining({ code: "USAGE", message: "the policy says nothing about AWS" }),
    );
  });

  it("makes roles before the policies that name them, and the bucket's policy last", () => {
    const text = exported.files.find(({ file }) => file === "cloister.tf.json")?.text ?? "";
    const { resource } = JSON.parse(text) as {
      resource: Record<string, Record<string, { readonly depends_on?: readonly string[] }>>;
    };
    const all = (type: string): string[] => Object.keys(resource[type] ?? {}).map((label) => `${type}.${label}`);
    expect(all("aws_iam_role").length).toBeGreaterThan(1);
    expect(Object.keys(resource["aws_kms_key_policy"] ?? {}).length).toBeGreaterThan(0);
    for (const key of Object.values(resource["aws_kms_key_policy"] ?? {})) {
      expect(key.depends_on).toEqual(all("aws_iam_role"));
    }
    expect(resource["aws_s3_bucket_policy"]?.["store"]?.depends_on).toEqual(all("aws_iam_role_policy"));
  });

  it("names the files in Terraform, with a label of its own for each thing", () => {
    const terraform = exported.files.find(({ file }) => file === "cloister.tf.json")?.text ?? "";
    for (const { file } of exported.documents) expect(terraform).toContain(`\${file(\\"\${path.module}/${file}\\")}`);
    const odd = compiled(SAMPLE.replaceAll("data-owner", "a.b").replaceAll("reviewer", "a_-b")).policy;
    const resource = (JSON.parse(exportAws(odd).files.at(-1)?.text ?? "") as { resource: { aws_iam_role: object } })
      .resource;
    const labels = Object.keys(resource.aws_iam_role);
    expect(labels).toHaveLength(5);
    for (const label of labels) expect(label).toMatch(/^[a-z][A-Za-z0-9_-]*$/);
  });

  it("lets people join and assume the roles, and read nothing else", () => {
    const people = exported.documents.find(({ file }) => file === "people.json")?.document;
    if (!people) throw new Error("no people.json");
    const can = (action: string, resource: string, context = {}): boolean =>
      documentAllows(people, { action, resource, context });
    const object = (name: string): string => `arn:aws:s3:::acme-ml/team/churn/${name}`;
    for (const name of ["cloister", "policy/1", "log/commit/1"]) expect(can("s3:GetObject", object(name))).toBe(true);
    for (const name of ["packs/churn/public/ab/x", "keys/churn/public/1/x", "versions/churn/x/1"]) {
      expect(can("s3:GetObject", object(name))).toBe(false);
    }
    expect(can("s3:PutObject", object("log/commit/1"))).toBe(false);
    expect(can("s3:ListBucket", "arn:aws:s3:::acme-ml", { "s3:prefix": "team/churn/policy/" })).toBe(true);
    expect(can("s3:ListBucket", "arn:aws:s3:::acme-ml")).toBe(false);
    expect(can("sts:AssumeRole", "arn:aws:iam::111122223333:role/ml-churn-reviewer")).toBe(true);
    expect(can("sts:AssumeRole", "arn:aws:iam::111122223333:role/admin")).toBe(false);
  });

  it("makes no role that nobody could be", () => {
    const text = SAMPLE.replace("roles: [data-scientist, reviewer@marketing]", "roles: [data-scientist]");
    const { roles, notes } = exportAws(compiled(text).policy);
    expect(roles.map(({ role }) => role.id)).not.toContain("reviewer");
    expect(notes).toContain("nobody holds role reviewer: no IAM role ml-churn-reviewer is made");
  });
});

describe("drift", () => {
  it("is none where AWS keeps what was exported, in its own spelling", () => {
    expect(drift(printed())).toEqual([]);
  });

  it("is none whatever the order, the statements and the lists look like", () => {
    fc.assert(
      fc.property(POLICIES, fc.infiniteStream(fc.nat()), (compiledPolicy, random) => {
        for (const { document, title } of exportAws(compiledPolicy.policy).documents) {
          expect(differences(document, respelled(document, random), title)).toEqual([]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    [
      "a policy of the role that allows more",
      "role-data-scientist.permissions.json",
      "s3:GetObject",
      "s3:*",
      "permissions of role data-scientist: wider: also allows s3:* on",
    ],
    [
      "another class",
      "role-data-scientist.permissions.json",
      "churn/public/*",
      "churn/restricted/*",
      "permissions of role data-scientist: wider: also allows s3:abortmultipartupload on arn:aws:s3:::acme-ml/team/churn/?????/churn/restricted/*",
    ],
    [
      "a context that is gone",
      "key-1234abcd-12ab-34cd-56ef-000000000001.json",
      '\\"kms:EncryptionContext:domain\\":\\"churn\\",',
      "",
      "policy of key 1234abcd-12ab-34cd-56ef-000000000001: wider: allows kms:decrypt to AWS arn:aws:iam::111122223333:role/ml-churn-pipeline on *, without StringEquals kms:encryptioncontext:domain = churn",
    ],
    [
      "a deny that is gone",
      "bucket-policy.json",
      's3:DeleteObject\\",\\"s3:DeleteObjectVersion',
      "s3:Nothing",
      "bucket policy: wider: does not deny s3:deleteobject to * on",
    ],
    [
      "more that is deleted",
      "role-data-owner.permissions.json",
      "churn/releases/*",
      "churn/r*",
      "permissions of role data-owner: wider: also allows s3:deleteobject on arn:aws:s3:::acme-ml/team/churn/r*",
    ],
    [
      "anyone who may assume it",
      "role-reviewer.trust.json",
      "%22sts%3ASourceIdentity%22%3A%22dee%22%2C",
      "",
      "trust of role reviewer: wider: allows sts:assumerole to AWS account 111122223333, without StringEquals sts:sourceidentity = dee",
    ],
    [
      "longer sessions",
      "role-reviewer.trust.json",
      '"MaxSessionDuration":3600',
      '"MaxSessionDuration":43200',
      "trust of role reviewer: wider: sessions last 43200 s at most, not 3600 s",
    ],
    [
      "another policy beside it",
      "role-reviewer.attached.json",
      "[]",
      '[{"PolicyName":"A","PolicyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}]',
      'attached policies of role reviewer: wider: the role also has the attached policy "arn:aws:iam::aws:policy/AdministratorAccess"',
    ],
    [
      "a version without variables",
      "role-reviewer.permissions.json",
      '"Version":"2012-10-17"',
      '"Version":"2008-10-17"',
      "permissions of role reviewer: narrower: allows s3:getobject on",
    ],
    [
      "a class that is missing",
      "role-data-scientist.permissions.json",
      '"arn:aws:s3:::acme-ml/team/churn/?????/churn/public/*",',
      "",
      "permissions of role data-scientist: narrower: does not allow s3:getobject on arn:aws:s3:::acme-ml/team/churn/?????/churn/public/*",
    ],
  ])("shows %s", (_, file, from, to, line) => {
    const outputs = printed();
    const text = JSON.stringify(outputs[file]);
    expect(text).toContain(from);
    const changed = { ...outputs, [file]: JSON.parse(text.replaceAll(from, to)) as { [key: string]: Json } };
    expect(drift(changed).join("\n")).toContain(line);
  });

  it("refuses what is no document", () => {
    for (const junk of [
      undefined,
      null,
      1,
      "x",
      "%",
      "[]",
      { Statement: [1] },
      { Statement: [{ Effect: "Maybe" }] },
    ] as Json[]) {
      expect(() => clausesOf(junk, "bucket policy")).toThrow(expect.objectContaining({ code: "USAGE" }));
    }
  });
});

function key(at: number): string {
  const letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
  return `age1${(letters[at % 32] ?? "").repeat(28)}${(letters[(at >> 5) + 7] ?? "").repeat(28)}qp`;
}

/** The same document as somebody else could write it: shuffled, split, lists of one, other cases, other ids. */
function respelled(document: PolicyDocument, random: Iterator<number>): Json {
  const next = (below: number): number => (random.next().value as number) % below;
  const shuffled = <T>(items: readonly T[]): T[] =>
    items
      .map((item) => ({ item, at: next(1000) }))
      .sort((a, b) => a.at - b.at)
      .map(({ item }) => item);
  const list = (value: string | readonly string[]): string[] => shuffled(typeof value === "string" ? [value] : value);
  const statements = document.Statement.flatMap(({ Sid: _, Action, ...rest }) => {
    const conditions = Object.entries(rest.Condition ?? {}).map(([operator, keys]) => [
      operator,
      Object.fromEntries(shuffled(Object.entries(keys)).map(([name, values]) => [name.toUpperCase(), list(values)])),
    ]);
    const condition = conditions.length > 0 ? { Condition: Object.fromEntries(shuffled(conditions)) } : {};
    const resource = rest.Resource === undefined ? {} : { Resource: list(rest.Resource) };
    return list(Action).map((action) => ({
      ...rest,
      ...condition,
      ...resource,
      Action: action.toUpperCase(),
      Sid: `S${String(next(1000))}`,
    }));
  });
  return JSON.parse(JSON.stringify({ Statement: shuffled(statements), Id: "x", Version: "2012-10-17" })) as Json;
}
