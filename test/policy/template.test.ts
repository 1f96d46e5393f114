import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { sha256Hex } from "../../src/base/digest.ts";
import { exportAws } from "../../src/policy/aws/export.ts";
import { sessionPolicy } from "../../src/policy/aws/session-policy.ts";
import { awsBlock } from "../../src/policy/aws-block.ts";
import { compilePolicy } from "../../src/policy/compile.ts";
import { decide } from "../../src/policy/decide.ts";
import { describePolicy } from "../../src/policy/describe.ts";
import { addMember } from "../../src/policy/edit.ts";
import { entitlements } from "../../src/policy/entitlements.ts";
import { readPolicy } from "../../src/policy/read.ts";
import type { Policy } from "../../src/policy/schema.ts";
import { fillTemplate, quoted } from "../../src/policy/template.ts";
import { compiled, keyArn, NOW, readsKey, SAMPLE, signsKey } from "./sample.ts";

const folder = new URL("../../templates/", import.meta.url);
const templates = readdirSync(folder)
  .filter((name) => existsSync(new URL(`${name}/cloister.policy.yaml`, folder)))
  .sort();

function textOf(template: string): string {
  return readFileSync(new URL(`${template}/cloister.policy.yaml`, folder), "utf8");
}

const values = {
  project: "churn",
  id: "0123456789abcdef".repeat(2),
  member: "ana",
  name: "Ana Ruiz",
  signs: signsKey(1),
  reads: readsKey(1),
  domain: "patients",
  purpose: "churn-modelling",
  expires: "2027-08-01",
};

function read(text: string): Policy {
  const { policy, problems } = readPolicy(Buffer.from(text), { now: NOW });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

describe("templates", () => {
  it("are the five that exist", () => {
    expect(templates).toEqual(["aws", "demo", "regulated", "solo", "team"]);
  });

  it.each(templates)("%s is a valid policy once it is filled in", (template) => {
    const text = fillTemplate(textOf(template), values);
    expect(text).not.toMatch(/[{}]{2}\w/);
    const policy = read(text);
    expect(policy).toMatchObject({ project: "churn", projectId: values.id, version: 1, previous: undefined });
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThan(260);
  });

  it("solo fits on one screen and lets one person do everything", async () => {
    const text = fillTemplate(textOf("solo"), values);
    expect(text.split("\n").length).toBeLessThanOrEqual(30);
    const policy = compilePolicy(read(text), sha256Hex(text));
    const facts = { member: "ana", now: NOW, domain: "patients", class: "confidential", kind: "dataset", epoch: 1 };
    const purpose = values.purpose;
    for (const action of [
      "artifact.push",
      "artifact.pull",
      "workspace.mount",
      "policy.change",
      "audit.read",
    ] as const) {
      expect((await decide(policy, { ...facts, action })).allow).toBe(true);
    }
    expect((await decide(policy, { ...facts, action: "workspace.create" })).allow).toBe(false);
    expect((await decide(policy, { ...facts, action: "workspace.create", purpose })).allow).toBe(true);
    expect(entitlements(policy.policy, "ana").classKeys).toHaveLength(3);
  });

  it("demo keeps confidential data in workspaces and asks models for their origin", async () => {
    const bo = { id: "bo", name: "Bo Chen", roles: ["data-scientist"], signs: signsKey(2), reads: readsKey(2) };
    const text = addMember(fillTemplate(textOf("demo"), values), bo, { version: 2, previous: "ab".repeat(32) });
    const policy = compilePolicy(read(text), sha256Hex(text));
    const facts = {
      member: "bo",
      now: NOW,
      domain: "patients",
      class: "confidential",
      purpose: values.purpose,
      epoch: 1,
    };
    const rules = async (more: object): Promise<string[]> =>
      (await decide(policy, { ...facts, ...(more as { action: "artifact.pull" }) })).refusals.map(({ rule }) => rule);
    expect(await rules({ action: "artifact.pull", kind: "dataset" })).toEqual(["confidential-stays-in-workspaces"]);
    expect(await rules({ action: "artifact.pull", kind: "dataset", class: "internal" })).toEqual([]);
    expect(await rules({ action: "workspace.mount", kind: "dataset" })).toEqual([]);
    expect(await rules({ action: "artifact.push", kind: "model" })).toEqual(Array(3).fill("models-say-who-and-what"));
    expect(
      await rules({ action: "artifact.push", kind: "model", fields: ["owner", "licence"], provenance: "run" }),
    ).toEqual([]);
    expect(await rules({ action: "policy.change" })).toEqual(["role"]);
  });
});

describe("the template for AWS", () => {
  const place = {
    account: "111122223333",
    region: "eu-west-1",
    bucket: "acme-ml",
    prefix: "team/churn",
    kms: undefined,
  };

  it("says where the project lies, and compiles to sessions and documents", () => {
    const text = fillTemplate(textOf("aws"), values) + awsBlock(place);
    const policy = read(text);
    expect(policy.aws).toMatchObject({ ...place, rolePrefix: "cloister-churn-" });
    expect(exportAws(policy).roles.map(({ name }) => name)).toEqual(["cloister-churn-steward"]);
    const session = (of: Policy) => sessionPolicy(of, { member: "ana", purpose: values.purpose, now: NOW });
    const said = (of: Policy) => session(of).statements.map(({ what }) => what);
    expect(said(policy).join()).toContain("statements about patients/internal");
    // There is room for long names, and what would be cut for them is said.
    const prefix = "department-of-something/team-with-a-name/churn";
    const long = read(fillTemplate(textOf("aws"), values) + awsBlock({ ...place, prefix }));
    expect(said(long).join()).toContain("no statements and tags");
    expect(session(long).chars).toBeLessThan(1950);
  });

  it("takes a key of KMS, and the names that YAML would take for something else", () => {
    const odd = { ...place, bucket: "123", prefix: "", kms: keyArn(1), account: "012345678901" };
    expect(read(fillTemplate(textOf("aws"), values) + awsBlock(odd)).aws).toMatchObject(odd);
  });
});

describe("fillTemplate", () => {
  it("refuses a placeholder without a value", () => {
    expect(() => fillTemplate("a: {{name}} {{constructor}}", { name: "x" })).toThrow("constructor");
  });

  it("does not fill in what a value brings along", () => {
    expect(parse(fillTemplate("a: {{name}}", { name: "{{id}}", id: "secret" }))).toEqual({ a: "{{id}}" });
  });

  it("writes any text as that text, as a value and as a key", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 30 }),
      fc.constantFrom(
        "true",
        "null",
        "~",
        "12",
        "0x1f",
        "1e3",
        ".inf",
        "2027-01-01",
        "a: b",
        "- a",
        "#",
        "*a",
        "&a",
        "!a",
        "yes",
        "",
        " ",
        "<<",
        "a\u0085b",
        "\u2028",
        "\u007f",
      ),
    );
    fc.assert(
      fc.property(text, (value) => {
        expect(
          parse(`a: [ ${quoted(value)} ]\nb: { ${quoted(value)}: 1 }`, { version: "1.2", schema: "core" }),
        ).toEqual({
          a: [value],
          b: { [value]: 1 },
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe("describePolicy", () => {
  it("says how long credentials live where a role says nothing", () => {
    const silent = compiled(SAMPLE.replace("    credentials: { ttl: 1h }\n", "")).policy;
    expect(describePolicy(silent).join("\n")).toContain("credentials: issued to data-scientist for 1 h; secrets");
  });

  it("says that a network of the machine itself weakens workspaces", () => {
    const weak = compiled(SAMPLE.replace("[10.20.0.0/16]", "[10.20.0.0/16, 127.0.0.1/32]")).policy;
    expect(describePolicy(weak)[4]).toContain(
      "also in 10.20.0.0/16 and 127.0.0.1/32 (which weakens them: services of the machine itself); data-scientist",
    );
  });

  it("says the sample in plain lines", () => {
    expect(describePolicy(compiled().policy)).toEqual([
      "churn-model: policy version 7, until 2027-03-31; changes need the signature of ana or omar",
      "data: domains churn, marketing; classes public < internal < confidential < restricted (most sensitive)",
      "people: data-scientist up to confidential: bo, dee; reviewer up to internal: dee; data-owner up to restricted: omar, mei; security-officer up to public: ana; pipeline up to internal: ci",
      "suspended: zed",
      "workspaces: live at most 8 h and reach pypi.acme.example:443, *.debian.example:80 at most, also in 10.20.0.0/16; data-scientist and pipeline may create them",
      "workspaces of data-scientist: at most 4 processors, 16 GB of memory, 50 GB of disk, 2000 processes, 4096 open files and 2 h for a command; only where the host holds memory; may show /opt/conda; may show GPUs (which weakens them); images acme.example/ml@sha256:1",
      "credentials: issued to data-scientist for 1 h; secrets are changed every 90 d",
      "login: https://login.acme.example, as ana, bo",
      "aws: s3://acme-ml/team/churn in account 111122223333, eu-west-1; KMS holds the keys of classes; keys of their own for restricted",
      "always: workspace.create and artifact.pull need a purpose (churn-modelling, fraud-research, spring-campaign); policy.change needs a justification of at least 20 characters; artifact.retire needs a justification of at least 10 characters; creds.issue needs a second factor within 15 min; secret.write needs a second factor within 5 min",
      "rule confidential-stays-in-workspaces: artifact.pull of dataset from confidential up is refused",
      "rule marketing-is-frozen: artifact.push in marketing is refused",
      "rule models-say-who-and-what: artifact.push of model needs owner, licence, purpose, justification and a recorded run",
    ]);
  });
});
