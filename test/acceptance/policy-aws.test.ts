// What AWS has to know of the policy: written to files, and compared with what `aws` would print of it.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AwsExported, AwsReadings, AwsVerified } from "../../src/index.ts";
import { type Member, World } from "./harness.ts";

const world = new World();
let ana: Member;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  const aws = '\naws: { account: "111122223333", region: eu-west-1, bucket: acme-ml, prefix: churn }\n';
  appendFileSync(join(ana.folder, "cloister.policy.yaml"), aws);
  await ana.ok("policy", "propose", "--yes");
});

/** Lays the exported documents out as the commands of `policy verify aws --commands` would. */
function deploy(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const file of readdirSync(from)) {
    const document = JSON.parse(readFileSync(join(from, file), "utf8"));
    const printed = file.endsWith(".permissions.json")
      ? { PolicyDocument: document }
      : file.endsWith(".trust.json")
        ? { Role: { AssumeRolePolicyDocument: document, MaxSessionDuration: 3600 } }
        : { Policy: JSON.stringify(document) };
    writeFileSync(join(to, file), JSON.stringify(printed));
  }
  writeFileSync(join(to, "role-steward.inline.json"), '{"PolicyNames":["cloister"]}');
  writeFileSync(join(to, "role-steward.attached.json"), '{"AttachedPolicies":[]}');
}

describe("init --template aws", () => {
  it("takes a region for the policy, also while the store is a folder", async () => {
    const gil = world.member("gil");
    const place = ["--account", "111122223333", "--bucket", "acme-ml"];
    const init = ["init", "--template", "aws", "--project", "early", ...place];
    expect(await gil.fails(...init, "--yes")).toMatchObject({ exit: 2, next: "--region REGION" });
    await gil.ok(...init, "--region", "eu-west-1", "--yes");
    expect(readFileSync(join(gil.folder, "cloister.policy.yaml"), "utf8")).toContain('region: "eu-west-1"');
    expect(readFileSync(join(gil.folder, ".cloister/config.yaml"), "utf8")).not.toContain("region");
    expect((await gil.ok("policy", "export", "aws", "--out", "deploy")).out).toContain("role-steward.trust.json");
  });
});

describe("policy export aws", () => {
  it("writes the documents of the policy in force, the same bytes each time", async () => {
    const [one, two] = ["one", "two"].map((name) => join(ana.folder, name)) as [string, string];
    const exported = await ana.json<AwsExported>("policy", "export", "aws", "--out", one);
    await ana.ok("policy", "export", "aws", "--out", two);
    expect(exported).toMatchObject({ policyVersion: 2, terraform: "cloister.tf.json" });
    const files = readdirSync(one).sort();
    expect(files).toEqual([
      "bucket-policy.json",
      "cloister.tf.json",
      "people.json",
      "role-steward.permissions.json",
      "role-steward.trust.json",
    ]);
    for (const file of files) expect(readFileSync(join(two, file))).toEqual(readFileSync(join(one, file)));
    expect(exported.notes.join("\n")).toContain("nobody holds role data-scientist");
  });

  it("writes those of a file, without a project", async () => {
    const eve = world.member("eve");
    const file = join(ana.folder, "cloister.policy.yaml");
    expect(await eve.cli("policy", "export", "aws", "--out", "out", "--file", file)).toMatchObject({ exit: 0 });
    expect(readFileSync(join(eve.folder, "out/bucket-policy.json"))).toEqual(
      readFileSync(join(ana.folder, "one/bucket-policy.json")),
    );
    expect(await eve.fails("policy", "export", "aws", "--out", "out")).toMatchObject({ code: "NOT_FOUND" });
  });

  it("says what is missing", async () => {
    expect(await ana.fails("policy", "export", "aws")).toMatchObject({ code: "USAGE", exit: 2 });
    expect(await ana.fails("policy", "export", "gcp", "--out", "x")).toMatchObject({
      code: "USAGE",
      why: "aws is the only target",
    });
    const nothing = await ana.fails("policy", "verify", "aws", "--deployed", "never-read");
    expect(nothing).toMatchObject({ code: "NOT_FOUND", message: "there is no folder never-read" });
    const plain = await world.project("bo", "solo");
    expect(await plain.fails("policy", "export", "aws", "--out", "x")).toMatchObject({
      code: "USAGE",
      message: "the policy says nothing about AWS",
    });
    writeFileSync(join(plain.folder, "draft.yaml"), "cloister: 1\n");
    expect(await plain.fails("policy", "export", "aws", "--out", "x", "--file", "draft.yaml")).toMatchObject({
      code: "USAGE",
      next: "cloister policy check draft.yaml",
    });
  });
});

describe("policy verify aws", () => {
  it("prints the commands that read what is deployed", async () => {
    const { out } = await ana.ok("policy", "verify", "aws", "--commands");
    expect(out.split("\n").filter(Boolean)).toEqual([
      "aws iam get-role --role-name cloister-churn-steward --output json > role-steward.trust.json",
      "aws iam get-role-policy --role-name cloister-churn-steward --policy-name cloister --output json > role-steward.permissions.json",
      "aws iam list-role-policies --role-name cloister-churn-steward --output json > role-steward.inline.json",
      "aws iam list-attached-role-policies --role-name cloister-churn-steward --output json > role-steward.attached.json",
      "aws s3api get-bucket-policy --bucket acme-ml --output json > bucket-policy.json",
    ]);
    const { readings } = await ana.json<AwsReadings>("policy", "verify", "aws", "--commands");
    expect(readings).toHaveLength(5);
  });

  it("ends with 0 where nothing drifted, and with 1 and the difference where something did", async () => {
    const documents = join(ana.folder, "documents");
    await ana.ok("policy", "export", "aws", "--out", documents);
    const deployed = join(ana.folder, "deployed");
    deploy(documents, deployed);
    const same = await ana.ok("policy", "verify", "aws", "--deployed", deployed);
    expect(same.out).toContain("what is deployed is what policy v2 makes");
    const bucket = join(deployed, "bucket-policy.json");
    writeFileSync(bucket, readFileSync(bucket, "utf8").replace("s3:if-none-match", "s3:if-match"));
    writeFileSync(join(deployed, "role-steward.attached.json"), "");
    const drifted = await ana.cli("policy", "verify", "aws", "--deployed", deployed);
    expect(drifted.exit).toBe(1);
    expect(drifted.out).toContain(
      "bucket policy: different: it denies s3:putobject to * on arn:aws:s3:::acme-ml/churn/*, without Null s3:if-none-match = true, with Null s3:if-match = true",
    );
    expect(drifted.out).toContain(
      "attached policies of role steward: not deployed, or not read (role-steward.attached.json)",
    );
    const json = await ana.cli("policy", "verify", "aws", "--deployed", deployed, "--json");
    expect(JSON.parse(json.out) as AwsVerified).toMatchObject({ schema: "cloister/policy-verify-aws@1", same: false });
  });

  it("refuses what aws did not print", async () => {
    const junk = join(ana.folder, "junk");
    deploy(join(ana.folder, "documents"), junk);
    for (const text of ["[]", "{", '{"Policy":"x"}']) {
      writeFileSync(join(junk, "bucket-policy.json"), text);
      expect(await ana.fails("policy", "verify", "aws", "--deployed", junk)).toMatchObject({ code: "USAGE" });
    }
  });
});
