// A project whose classes are under KMS: the real program, the real SDK, a KMS that decides by itself who decrypts.
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Joined, KeySummary, Listing, MemberAdded, Pulled, Pushed, Rotated, WhoAmI } from "../../src/index.ts";
import { filesBelow, holders, type Member, marker, overwrite, World } from "../acceptance/harness.ts";
import { TestKms } from "../aws/kms-server.ts";

const world = new World();
const kms = new TestKms();
const text = marker();
let key: string;
let ana: Member;
let bo: Member;

beforeAll(async () => {
  await kms.start();
  key = kms.key();
  kms.allow("ANA");
  kms.allow("BO", { actions: ["Decrypt", "GenerateDataKey"], context: { class: "internal" } });
  ana = world.member("ana", kms.env("ANA"));
  const answers = ["--template", "demo", "--project", "churn", "--domain", "churn", "--purpose", "modelling"];
  await ana.ok("init", ...answers, "--as", "ana", "--name", "Ana", "--kms", key, "--bucket", "acme-ml", "--yes");
  bo = world.member("bo", kms.env("BO"));
  const { line } = await bo.json<Joined>("join", ana.store, "--as", "bo", "--name", "Bo");
  const added = await ana.json<MemberAdded>("member", "add", line, "--role", "data-scientist", "--yes");
  expect(added.keys).toEqual(["churn/_names"]);
  ana.files("data", { "rows.csv": `${text}\n` });
});
afterAll(() => kms.stop());
beforeEach(() => {
  kms.seen.length = 0;
  kms.trouble = [];
});

function push(member: Member, name: string, klass: string): Promise<Pushed> {
  return member.json<Pushed>("push", "data", "--name", name, "--class", klass, "--purpose", "modelling");
}

function pull(member: Member, reference: string, to: string): readonly string[] {
  return ["pull", reference, "-o", join(member.folder, to), "--purpose", "modelling"];
}

describe("the store", () => {
  it("holds one object for each class key, and age files for names and audit only", () => {
    const objects = filesBelow(join(ana.store, "keys"));
    expect(objects.filter((name) => name.endsWith("/kms"))).toEqual([
      "churn/confidential/1/kms",
      "churn/internal/1/kms",
      "churn/public/1/kms",
    ]);
    const others = objects.filter((name) => !name.endsWith("/kms")).map((name) => name.split("/")[1]);
    expect(others.sort()).toEqual(["_audit", "_names", "_names"]);
  });

  it("names the key of KMS in the signed record of each class, and nowhere else", () => {
    const record = (place: string) => {
      const envelope = JSON.parse(readFileSync(join(ana.store, "epochs/churn", place), "utf8"));
      return JSON.parse(Buffer.from(envelope.payload, "base64").toString());
    };
    expect(record("internal/1")).toMatchObject({ v: 1, kms: key });
    expect(Object.keys(record("_names/1"))).not.toContain("kms");
  });
});

describe("pushing and pulling", () => {
  it("asks KMS for one data key a push and to open one a pull, and a listing once for each class", async () => {
    await push(ana, "customers:1", "internal");
    expect(kms.count("GenerateDataKey")).toBe(1);
    kms.seen.length = 0;
    await push(ana, "accounts:1", "confidential");
    await push(ana, "more:1", "internal");
    kms.seen.length = 0;
    await ana.ok(...pull(ana, "customers:1", "out"));
    expect(readFileSync(join(ana.folder, "out/rows.csv"), "utf8")).toBe(`${text}\n`);
    expect([kms.count("Decrypt", "artifact"), kms.count("Decrypt", "epoch")]).toEqual([1, 1]);
    kms.seen.length = 0;
    const listing = await ana.json<Listing>("list");
    expect(listing.versions).toHaveLength(3);
    expect([kms.count("Decrypt", "artifact"), kms.count("Decrypt", "epoch")]).toEqual([0, 2]);
  });

  it("gives a member what KMS gives them, and says who refuses the rest", async () => {
    await bo.json<Pulled>(...pull(bo, "customers:1", "mine"));
    expect(readFileSync(join(bo.folder, "mine/rows.csv"), "utf8")).toBe(`${text}\n`);
    const listing = await bo.json<Listing>("list");
    expect(listing.versions.map(({ name }) => name)).toEqual(["customers", "more"]);
    const why = "AWS KMS refuses kms:Decrypt to these credentials";
    expect(listing.hidden).toEqual([{ where: "churn/confidential", count: 1, why }]);
    const failed = await bo.fails("show", "accounts:1");
    expect(failed).toMatchObject({ exit: 3, code: "POLICY_DENIED", message: why });
    expect(failed.why).toContain("class=confidential");
    const entitled = "lets you into churn/confidential (role data-scientist up to confidential, line ";
    expect(failed.next).toContain(entitled);
    expect(failed.next).toMatch(/deployed in AWS does not: .*cloister policy verify aws/);
  });

  it("works the other way round, too: a member pushes what an owner then pulls", async () => {
    bo.files("data", { "rows.csv": "from bo\n" });
    await push(bo, "notes", "internal");
    await ana.ok(...pull(ana, "notes", "notes"));
    expect(readFileSync(join(ana.folder, "notes/rows.csv"), "utf8")).toBe("from bo\n");
  });

  it("pushes without the right to read: everything is stored anew, and nothing is read", async () => {
    kms.allow("CY", { actions: ["GenerateDataKey"] });
    const cy = { env: kms.env("CY") };
    const { exit, err } = await bo.with(
      cy,
      "push",
      "data",
      "--name",
      "notes",
      "--class",
      "internal",
      "--purpose",
      "modelling",
    );
    expect([exit, err]).toEqual([0, expect.any(String)]);
    expect((await bo.with(cy, ...pull(bo, "notes", "never"))).exit).toBe(3);
    expect(existsSync(join(bo.folder, "never"))).toBe(false);
    await ana.ok(...pull(ana, "notes:v2", "notes-2"));
  });

  it("leaves no plain text, no name and no secret of AWS anywhere", () => {
    expect(holders(ana.store, [text, "customers", "secret of"])).toEqual([]);
    expect(holders(ana.home, ["secret of", text])).toEqual([]);
  });
});

describe("a KMS that does not give an answer", () => {
  it("is a failure to be tried again, never an empty listing", async () => {
    kms.trouble = Array.from({ length: 50 }, () => ({ error: "KMSInternalException", status: 500 }));
    expect(await bo.fails("list")).toMatchObject({ exit: 8, code: "UNAVAILABLE" });
    kms.trouble = Array.from({ length: 50 }, () => ({ error: "KMSInternalException", status: 500 }));
    expect(await bo.fails(...pull(bo, "customers:1", "no"))).toMatchObject({ exit: 8, code: "UNAVAILABLE" });
    const nowhere = { env: { AWS_ENDPOINT_URL_KMS: "http://127.0.0.1:9" } };
    expect((await bo.with(nowhere, "list")).exit).toBe(8);
  });

  it("stops a push after its files were stored; the same command goes on from there, and there is one version", async () => {
    const answered = kms.count("GenerateDataKey");
    kms.trouble = [
      ...Array.from({ length: 2 }, () => ({ error: "KMSInternalException", status: 500 })),
      ...Array.from({ length: 2 }, () => ({ error: "ThrottlingException" })),
    ];
    ana.files("data", { "rows.csv": `${text} again\n` });
    const argv = ["push", "data", "--name", "stopped", "--class", "internal", "--purpose", "modelling"];
    expect(await ana.fails(...argv)).toMatchObject({ exit: 8, code: "UNAVAILABLE" });
    expect(kms.count("GenerateDataKey")).toBe(answered);
    const pushed = await ana.json<Pushed>(...argv);
    expect([pushed.number, pushed.resumed]).toEqual([1, true]);
    const { versions } = await ana.json<Listing>("list");
    expect(versions.filter(({ name }) => name === "stopped")).toHaveLength(1);
  });

  it("without credentials or with expired ones, classes are hidden with the reason and a pull says how to go on", async () => {
    kms.expired.add("BO");
    const listing = await bo.json<Listing>("list");
    expect(listing.versions).toEqual([]);
    expect(listing.hidden.map(({ why }) => why)).toEqual(Array(2).fill("the AWS credentials have expired"));
    expect(await bo.fails(...pull(bo, "customers:1", "no"))).toMatchObject({ exit: 4, code: "NOT_AUTHENTICATED" });
    kms.expired.delete("BO");
    const none = { env: { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "", AWS_EC2_METADATA_DISABLED: "true" } };
    const { exit, err } = await bo.with(none, ...pull(bo, "customers:1", "no"));
    expect(exit).toBe(4);
    expect(err).toMatch(/no AWS credentials.*\n.*\n/);
    expect(existsSync(join(bo.folder, "no"))).toBe(false);
  });

  it("prints nothing of the SDK's own, and no stack", async () => {
    const { err } = await bo.ok(...pull(bo, "customers:1", "quiet"));
    expect(err).not.toMatch(/NodeVersion|Warning|at .*\.js/);
  });
});

describe("what somebody puts in the place of a class key or of a data key", () => {
  function twins(): { readonly owner: Member; readonly half: string } {
    const owner = world.twin(ana);
    return { owner, half: join(owner.store, "keys/churn/internal/1/kms") };
  }

  it.each([
    ["junk", () => Buffer.from("junk")],
    ["the half of another class", (owner: Member) => readFileSync(join(owner.store, "keys/churn/public/1/kms"))],
    ["nothing", () => undefined],
  ] as const)("%s: damage that names the object, and nothing is written", async (_, made) => {
    const { owner, half } = twins();
    const bytes = made(owner);
    if (bytes) overwrite(half, bytes);
    else rmSync(half);
    const failed = await owner.fails(...pull(owner, "customers:1", "out-2"));
    expect(failed).toMatchObject({ exit: 6, code: "INTEGRITY" });
    expect(`${failed.message} ${failed.why}`).toContain("keys/churn/internal/1/kms");
    expect(existsSync(join(owner.folder, "out-2"))).toBe(false);
    const listing = await owner.json<Listing>("list");
    expect(listing.versions.map(({ name }) => name)).toEqual(["accounts"]);
    expect(listing.ignored.length).toBeGreaterThan(0);
  });

  it("the data wrap of another version", async () => {
    const { owner } = twins();
    const wraps = join(owner.store, "wraps/churn/internal");
    const [one = "", two = ""] = readdirSync(wraps);
    const [first, second] = [one, two].map((id) => readFileSync(join(wraps, id, "data")));
    overwrite(join(wraps, one, "data"), second ?? "");
    overwrite(join(wraps, two, "data"), first ?? "");
    const { versions } = await owner.json<Listing>("list");
    const [damaged] = versions.filter(({ versionId }) => versionId === one);
    expect(await owner.fails(...pull(owner, damaged?.reference ?? "", "out-3"))).toMatchObject({ exit: 6 });
  });

  it("junk planted under the names of coming keys only costs a number", async () => {
    const { owner } = twins();
    const file = join(owner.folder, "cloister.policy.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/epoch: 1/, "epoch: 2"));
    owner.files(".cloister/store/keys/churn/internal/2", { kms: "planted" });
    await owner.ok("policy", "propose", "--yes");
    owner.files("data", { "rows.csv": "second epoch\n" });
    await push(owner, "later", "internal");
    await owner.ok(...pull(owner, "later", "later"));
    await owner.ok(...pull(owner, "customers:1", "earlier"));
  });
});

describe("new keys", () => {
  it("are under the KMS key that the policy names then; the old ones stay where they are", async () => {
    const owner = world.twin(ana);
    const other = kms.key();
    const file = join(owner.folder, "cloister.policy.yaml");
    writeFileSync(
      file,
      `${readFileSync(file, "utf8").trimEnd()}\n  kms-by-class: { internal: ${JSON.stringify(other)} }\n`,
    );
    await owner.ok("policy", "propose", "--yes");
    const rotated = await owner.json<Rotated>("key", "rotate", "--yes");
    expect(rotated.keys.map((each) => [each.class, each.kms])).toEqual([
      ["public", key],
      ["internal", other],
      ["confidential", key],
    ]);
    await push(owner, "customers", "internal");
    kms.seen.length = 0;
    await owner.ok(...pull(owner, "customers:1", "first"));
    await owner.ok(...pull(owner, "customers:v2", "second"));
    const used = kms.seen.filter(({ context }) => "artifact" in context).map((each) => each.key);
    expect(used).toEqual([key, other]);
    const { keys } = await owner.json<{ keys: readonly KeySummary[] }>("key", "list");
    const internal = keys.filter((each) => each.class === "internal");
    expect(internal.map(({ epoch, kms: arn, held }) => [epoch, arn, held])).toEqual([
      [1, key, true],
      [2, other, true],
    ]);
  });

  it("whom KMS refuses them has their own list say so", async () => {
    const { keys } = await bo.json<{ keys: readonly KeySummary[] }>("key", "list");
    const confidential = keys.find((each) => each.class === "confidential");
    expect(confidential).toMatchObject({ held: false, why: expect.stringContaining("AWS KMS refuses") });
    kms.trouble = Array.from({ length: 50 }, () => ({ error: "KMSInternalException", status: 500 }));
    expect(await bo.fails("key", "list")).toMatchObject({ exit: 8 });
  });
});

describe("a project that had its keys with its members", () => {
  it("gets them into KMS with a policy and a rotation, keeps what was there, and can go back", async () => {
    const ivy = world.member("ivy", kms.env("ANA"));
    const answers = ["--template", "demo", "--project", "ivys", "--domain", "churn", "--purpose", "modelling"];
    await ivy.ok("init", ...answers, "--as", "ivy", "--name", "Ivy", "--yes");
    ivy.files("data", { "rows.csv": "1\n" });
    await push(ivy, "old", "internal");
    const file = join(ivy.folder, "cloister.policy.yaml");
    const [, , , region = "", account = ""] = key.split(":");
    const aws = { account, region, bucket: "acme-ml", kms: key };
    const before = readFileSync(file, "utf8");
    writeFileSync(file, `${before}\naws: ${JSON.stringify(aws)}\n`);
    const proposed = await ivy.ok("policy", "propose", "--yes");
    expect(proposed.err).toMatch(/keys of churn\/public, .* stay where they are .*cloister key rotate/);
    kms.seen.length = 0;
    await push(ivy, "between", "internal");
    expect(kms.seen).toEqual([]);
    await ivy.ok("key", "rotate", "--yes");
    await push(ivy, "new", "internal");
    expect(kms.count("GenerateDataKey")).toBe(1);
    writeFileSync(file, readFileSync(file, "utf8").replace(/^aws: .*$/m, ""));
    await ivy.ok("policy", "propose", "--yes");
    await ivy.ok("key", "rotate", "--yes");
    kms.seen.length = 0;
    await push(ivy, "back", "internal");
    expect(kms.count("GenerateDataKey")).toBe(0);
    for (const name of ["old", "between", "new", "back"]) await ivy.ok(...pull(ivy, name, name));
  });
});

describe("a key that does not work", () => {
  it("fails init before there is a project, and the same command works once the key does", async () => {
    const disabled = kms.key();
    const found = kms.keys.get(disabled);
    if (found) found.state = "Disabled";
    const dee = world.member("dee", kms.env("ANA"));
    const init = [
      "init",
      "--template",
      "solo",
      "--project",
      "x",
      "--as",
      "dee",
      "--kms",
      disabled,
      "--bucket",
      "acme-ml",
      "--yes",
    ];
    expect(await dee.fails(...init)).toMatchObject({ exit: 1, next: expect.stringContaining("enable-key") });
    expect(existsSync(join(dee.folder, ".cloister/config.yaml"))).toBe(false);
    if (found) found.state = "Enabled";
    await dee.ok(...init);
  });

  it("init refuses an alias, and a policy without a bucket, before it writes anything", async () => {
    const eve = world.member("eve", kms.env("ANA"));
    const alias = "arn:aws:kms:eu-west-1:111122223333:alias/x";
    for (const flags of [
      ["--kms", alias, "--bucket", "acme-ml"],
      ["--kms", key],
      ["--kms", key, "--bucket", "acme-ml", "--region", "eu-central-1"],
    ]) {
      const failed = await eve.fails("init", ...flags, "--yes");
      expect(failed).toMatchObject({ exit: 2, code: "USAGE" });
      expect(failed.next).toContain("--");
      expect(filesBelow(eve.home)).toEqual([]);
    }
  });
});

describe("an identity that signs through KMS", () => {
  it("makes a project, pushes and is verified by others; without the key it can do nothing, and says so", async () => {
    const signing = kms.key({ signing: true });
    kms.allow("FAY", { actions: ["GetPublicKey", "Sign"], keys: [signing] });
    const fay = world.member("fay", kms.env("FAY"));
    const answers = ["--template", "demo", "--project", "signed", "--domain", "churn", "--as", "fay", "--name", "Fay"];
    await fay.ok("init", ...answers, "--purpose", "modelling", "--signing-key", signing, "--yes");
    const me = await fay.json<WhoAmI>("whoami");
    expect(me.signingKey).toBe(signing);
    fay.files("data", { "rows.csv": "1\n" });
    kms.seen.length = 0;
    await push(fay, "signed", "internal");
    // Intent and done with a commit each, the manifest, the version record.
    expect(kms.count("Sign")).toBe(6);
    const gus = await world.colleague(fay, "gus", "data-scientist");
    await gus.ok("pull", "signed", "-o", "out", "--purpose", "modelling");
    expect(await gus.json("verify", "out")).toMatchObject({ ok: true });
    expect(await gus.json("audit", "verify")).toMatchObject({ ok: true });
    const key = kms.keys.get(signing);
    if (key) key.state = "Disabled";
    const failed = await fay.fails("push", "data", "--name", "more", "--class", "internal", "--purpose", "modelling");
    expect(failed).toMatchObject({ exit: 1, message: `the KMS key ${signing} is disabled` });
    expect((await gus.json<Listing>("list")).versions.map(({ name }) => name)).toEqual(["signed"]);
    if (key) key.state = "Enabled";
    await push(fay, "more", "internal");
  });

  it("joins, too", async () => {
    const hal = world.member("hal", kms.env("ANA"));
    const signing = kms.key({ signing: true });
    const { line } = await hal.json<Joined>(
      "join",
      ana.store,
      "--as",
      "hal",
      "--name",
      "Hal",
      "--signing-key",
      signing,
    );
    await ana.ok("member", "add", line, "--role", "data-scientist", "--yes");
    hal.files("data", { "rows.csv": "from hal\n" });
    await push(hal, "hals", "public");
    await ana.ok(...pull(ana, "hals", "hals"));
    const other = await hal.fails("join", ana.store, "--as", "hal", "--signing-key", key);
    expect(other.message).toBe("this device has an identity already");
  });
});
