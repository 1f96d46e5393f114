// The KMS client against a KMS that encrypts, decides and refuses: the real SDK, every way an answer can be wrong.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import { type ClassEpoch, type KmsEpoch, sealPrivateHalf, unsealPrivateHalf } from "../../src/keys/class-key.ts";
import { type KeyContext, wrapKey } from "../../src/keys/data-key.ts";
import { KeyService } from "../../src/keys/key-service.ts";
import { type Kms, type KmsPatience, KmsRefused, kmsOver } from "../../src/keys/kms.ts";
import { TestKms } from "../aws/kms-server.ts";

const server = new TestKms();
/** A busy machine must not be taken for a silent server, where requests are counted. */
const PATIENCE: KmsPatience = { connectMs: 5000, answerMs: 5000, allMs: 30_000 };
const IMPATIENCE: KmsPatience = { connectMs: 500, answerMs: 300, allMs: 4000 };
const INTEGRITY = expect.objectContaining({ code: "INTEGRITY" });
let arn: string;
let kms: Kms;

/** A client with an access key of its own. */
function as(accessKeyId: string, patience = PATIENCE): Kms {
  const credentials = async () => ({ accessKeyId, secretAccessKey: "secret" });
  return kmsOver(async () => ({ credentials }), undefined, patience);
}

beforeAll(async () => {
  process.env["AWS_ENDPOINT_URL_KMS"] = await server.start();
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  server.allow("ANA");
  arn = server.key();
  kms = as("ANA");
});
afterAll(() => server.stop());
beforeEach(() => {
  server.trouble = [];
  server.seen.length = 0;
  const key = server.keys.get(arn);
  if (key) key.state = "Enabled";
});

const context: KeyContext = {
  project: "0".repeat(32),
  domain: "churn",
  class: "internal",
  epoch: 1,
  nameId: "a".repeat(64),
  number: 3,
  purpose: "data",
};
const secret = generateAge();
const epoch = (): KmsEpoch => {
  const { project, domain, class: klass } = context;
  return { project, domain, class: klass, epoch: 1, recipient: recipientOf(secret), kms: arn };
};
const noSecret = async () => undefined;
const made = () => new KeyService(kms).make(epoch(), context);
const open = (wrap: Uint8Array, of: ClassEpoch = epoch(), at = context, by = kms) =>
  new KeyService(by).open(of, at, async () => wrap, noSecret);

describe("the data key of a version", () => {
  test("comes out as it was made, with one call each way, in the context of that version", async () => {
    const { key, wrap } = await made();
    expect(await open(wrap)).toEqual(key);
    expect(server.seen.map(({ action }) => action)).toEqual(["GenerateDataKey", "Decrypt"]);
    for (const { context: given, key: used } of server.seen) {
      expect(used).toBe(arn);
      const { project, domain, class: klass, nameId } = context;
      expect(given).toEqual({ project, domain, class: klass, artifact: nameId, number: "3" });
    }
  });

  test("neither the key nor the ARN stands in the wrap", async () => {
    const { key, wrap } = await made();
    const text = Buffer.from(wrap).toString("latin1");
    for (const secretText of [key.toString("base64"), key.toString("base64url"), key.toString("hex"), "arn:"]) {
      expect(text).not.toContain(secretText);
    }
  });

  test("no changed byte of the wrap goes unnoticed", async () => {
    const { wrap } = await made();
    const silent: number[] = [];
    for (let i = 0; i < wrap.length; i++) {
      const changed = Buffer.from(wrap);
      changed[i] = (changed[i] ?? 0) ^ 1;
      if ((await open(changed).catch((error: unknown) => error)) instanceof Buffer) silent.push(i);
    }
    expect(silent).toEqual([]);
  });

  test.each([0, 1, 50, -1])("cut at %i or longer it is refused", async (end) => {
    const { wrap } = await made();
    await expect(open(wrap.subarray(0, end))).rejects.toThrowError(INTEGRITY);
    await expect(open(Buffer.concat([wrap, Buffer.of(0x20)]))).rejects.toThrowError(INTEGRITY);
  });

  test.each([
    ["project", "1".repeat(32)],
    ["domain", "other"],
    ["class", "public"],
    ["epoch", 2],
    ["nameId", "b".repeat(64)],
    ["number", 4],
    ["purpose", "metadata"],
  ] as const)(
    "of another %s is refused before KMS is asked, and by KMS where only the text was changed",
    async (member, value) => {
      const { wrap } = await made();
      const other = { ...context, [member]: value };
      if (member === "purpose") {
        const held = { ...epoch() };
        const opened = new KeyService(kms).open(
          held,
          other,
          async () => wrap,
          async () => secret,
        );
        await expect(opened).rejects.toThrowError(INTEGRITY);
        return;
      }
      await expect(open(wrap, { ...epoch(), epoch: other.epoch }, other)).rejects.toThrowError(INTEGRITY);
      expect(server.count("Decrypt")).toBe(0);
      const json = JSON.parse(Buffer.from(wrap).toString());
      const moved = Buffer.from(JSON.stringify({ ...json, [member]: value }));
      const result = await open(moved, epoch(), other).catch((error: unknown) => error);
      // The epoch is no part of KMS's context: the wrap is then the same key for the same version, which has one epoch.
      if (member === "epoch") expect(result).toBeInstanceOf(Buffer);
      else expect(result).toEqual(INTEGRITY);
    },
  );

  test("a ciphertext spliced in from another version is refused by KMS", async () => {
    const [mine, theirs] = [await made(), await new KeyService(kms).make(epoch(), { ...context, number: 4 })];
    const [json, other] = [mine, theirs].map(({ wrap }) => JSON.parse(Buffer.from(wrap).toString()));
    const spliced = Buffer.from(JSON.stringify({ ...json, ciphertext: other.ciphertext }));
    await expect(open(spliced)).rejects.toThrowError(INTEGRITY);
  });

  test("a ciphertext under another key that the reader may use, too, is refused", async () => {
    const foreign = await new KeyService(kms).make({ ...epoch(), kms: server.key() }, context);
    await expect(open(foreign.wrap)).rejects.toThrowError(INTEGRITY);
  });

  test("a class under KMS takes no age file, a class without it no wrap of KMS", async () => {
    const file = await wrapKey(recipientOf(secret), context, randomBytes(32));
    await expect(open(file)).rejects.toThrowError(INTEGRITY);
    const { wrap } = await made();
    const { kms: _, ...without } = epoch();
    const opened = new KeyService(kms).open(
      without,
      context,
      async () => wrap,
      async () => secret,
    );
    await expect(opened).rejects.toThrowError(INTEGRITY);
  });
});

describe("the private half of a class", () => {
  const WHAT = "keys/churn/internal/1/kms";

  test("comes out as it went in; by hand it is the line that age takes", async () => {
    const file = await sealPrivateHalf(kms, epoch(), secret);
    expect(await unsealPrivateHalf(kms, epoch(), file, WHAT)).toBe(secret);
    const { project, domain, class: klass } = context;
    const plain = await kms.decrypt(arn, { project, domain, class: klass, epoch: "1" }, file, WHAT);
    expect(plain.toString()).toBe(`${secret}\n`);
  });

  test("no changed byte, no other place, and no data key in its stead; the error names the object", async () => {
    const file = Buffer.from(await sealPrivateHalf(kms, epoch(), secret));
    const refused = expect.objectContaining({ code: "INTEGRITY", message: expect.stringContaining(WHAT) });
    for (let i = 0; i < file.length; i += 7) {
      const changed = Buffer.from(file);
      changed[i] = (changed[i] ?? 0) ^ 0x80;
      await expect(unsealPrivateHalf(kms, epoch(), changed, WHAT)).rejects.toThrowError(refused);
    }
    for (const other of [{ epoch: 2 }, { class: "public" }, { domain: "x" }, { project: "1".repeat(32) }]) {
      await expect(unsealPrivateHalf(kms, { ...epoch(), ...other }, file, WHAT)).rejects.toThrowError(refused);
    }
    for (const junk of [Buffer.alloc(0), randomBytes(100), Buffer.alloc(7000)]) {
      await expect(unsealPrivateHalf(kms, epoch(), junk, WHAT)).rejects.toThrowError(refused);
    }
  });

  test("another half, encrypted by somebody who may encrypt there, is refused: the signed record decides", async () => {
    const planted = await sealPrivateHalf(kms, epoch(), generateAge());
    const exchanged = expect.objectContaining({ code: "INTEGRITY", message: `${WHAT} was exchanged` });
    await expect(unsealPrivateHalf(kms, epoch(), planted, WHAT)).rejects.toThrowError(exchanged);
  });
});

describe("answers that are no", () => {
  const wrapped = async () => (await made()).wrap;

  test("a denial names action, key, context and what has to change", async () => {
    server.allow("BO", { actions: ["Decrypt"], context: { class: "public" } });
    const wrap = await wrapped();
    const error = await open(wrap, epoch(), context, as("BO")).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KmsRefused);
    expect(error).toMatchObject({ code: "POLICY_DENIED", message: "AWS KMS refuses kms:Decrypt to these credentials" });
    const { why, next } = error as KmsRefused;
    for (const part of [arn, "class=internal", "domain=churn", "number=3", "user/BO"]) expect(why).toContain(part);
    expect(next).toMatch(/kms:Decrypt.*policy export aws/);
    expect(server.seen.filter(({ action }) => action === "Decrypt")).toHaveLength(1);
  });

  test.each([
    ["Disabled", "FAILURE", /is disabled/, /enable-key/],
    ["PendingDeletion", "FAILURE", /pending deletion/, /cancel-key-deletion/],
  ] as const)("a key that is %s is refused with the way back", async (state, code, message, next) => {
    const wrap = await wrapped();
    const key = server.keys.get(arn);
    if (key) key.state = state;
    const error = await open(wrap).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(KmsRefused);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message), next: expect.stringMatching(next) });
  });

  test("a key that is not there, an expired session and an unknown access key are told apart", async () => {
    const gone = { ...epoch(), kms: arn.replace(/.{12}$/, "000000000000") };
    const wrap = await wrapped();
    await expect(open(wrap, gone)).rejects.toMatchObject({ code: "NOT_FOUND" });
    server.expired.add("CY");
    const expired = { code: "NOT_AUTHENTICATED", message: "the AWS credentials have expired" };
    await expect(open(wrap, epoch(), context, as("CY"))).rejects.toMatchObject(expired);
    await expect(open(wrap, epoch(), context, as("EVE"))).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
  });

  test("an answer about another key is refused, and so is a key of another length", async () => {
    const wrap = await wrapped();
    server.trouble = [{ answer: (real) => ({ ...real, KeyId: server.key() }) }];
    await expect(open(wrap)).rejects.toThrowError(INTEGRITY);
    server.trouble = [{ answer: (real) => ({ ...real, KeyId: undefined }) }];
    await expect(made()).rejects.toThrowError(INTEGRITY);
    server.trouble = [{ answer: (real) => ({ ...real, Plaintext: Buffer.alloc(16).toString("base64") }) }];
    await expect(open(wrap)).rejects.toThrowError(INTEGRITY);
  });
});

describe("no answer", () => {
  test("throttling that ends is waited for; throttling that does not is UNAVAILABLE", async () => {
    server.trouble = [{ error: "ThrottlingException" }, { error: "ThrottlingException" }];
    expect((await made()).key).toHaveLength(32);
    server.trouble = Array.from({ length: 20 }, () => ({ error: "ThrottlingException", message: "Rate exceeded" }));
    server.seen.length = 0;
    const throttled = { code: "UNAVAILABLE", why: expect.stringContaining("Rate exceeded") };
    await expect(kms.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject(throttled);
    expect(server.seen).toHaveLength(4);
  }, 30_000);

  test.each(["KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"])(
    "%s is UNAVAILABLE",
    async (name) => {
      server.trouble = Array.from({ length: 20 }, () => ({ error: name, status: 500 }));
      await expect(made()).rejects.toMatchObject({ code: "UNAVAILABLE" });
    },
  );

  test("silence is UNAVAILABLE, and so is a port where nobody listens", async () => {
    server.trouble = Array.from({ length: 20 }, () => ({ silent: true as const }));
    const impatient = as("ANA", IMPATIENCE);
    await expect(impatient.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    expect(server.seen.length).toBeGreaterThan(0);
    expect(server.seen.length).toBeLessThanOrEqual(4);
    const url = process.env["AWS_ENDPOINT_URL_KMS"];
    process.env["AWS_ENDPOINT_URL_KMS"] = "http://127.0.0.1:9";
    const nowhere = as("ANA", IMPATIENCE);
    await expect(nowhere.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    process.env["AWS_ENDPOINT_URL_KMS"] = url;
  });

  test("credentials that never come are UNAVAILABLE after all the time there is, and a Ctrl-C ends it at once", async () => {
    const never = async () => ({ credentials: () => new Promise<never>(() => {}) });
    const late = kmsOver(never, undefined, { ...PATIENCE, allMs: 200 });
    await expect(late.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "UNAVAILABLE" });
    const stop = new AbortController();
    const waiting = kmsOver(never, stop.signal, PATIENCE).encrypt(arn, {}, Buffer.of(1));
    setTimeout(() => stop.abort(), 50);
    await expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

test("what could not be found out once is asked again: a client that could not be made is not remembered", async () => {
  let asked = 0;
  const access = async () => {
    if (asked++ === 0) throw new Error("busy");
    return { credentials: async () => ({ accessKeyId: "ANA", secretAccessKey: "secret" }) };
  };
  const later = kmsOver(access, undefined, PATIENCE);
  await expect(later.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect((await later.encrypt(arn, {}, Buffer.of(1))).length).toBeGreaterThan(0);
});

test("a profile's credentials are used where the project names one", async () => {
  const home = mkdtempSync(join(tmpdir(), "cloister-kms-profile-"));
  const file = join(home, "credentials");
  writeFileSync(
    file,
    "[one]\naws_access_key_id = ONE\naws_secret_access_key = x\n[two]\naws_access_key_id = TWO\naws_secret_access_key = x\n",
  );
  process.env["AWS_SHARED_CREDENTIALS_FILE"] = file;
  process.env["AWS_CONFIG_FILE"] = join(home, "none");
  try {
    server.allow("TWO");
    await kmsOver(async () => ({ profile: "two" }), undefined, PATIENCE).encrypt(arn, {}, Buffer.of(1));
    const one = kmsOver(async () => ({ profile: "one" }), undefined, PATIENCE);
    await expect(one.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    const none = kmsOver(async () => ({ profile: "three" }), undefined, PATIENCE);
    await expect(none.encrypt(arn, {}, Buffer.of(1))).rejects.toMatchObject({ code: "NOT_AUTHENTICATED" });
    expect(server.seen.map(({ accessKey }) => accessKey)).toEqual(["TWO", "ONE"]);
  } finally {
    rmSync(home, { recursive: true });
    delete process.env["AWS_SHARED_CREDENTIALS_FILE"];
    delete process.env["AWS_CONFIG_FILE"];
  }
});

test("aliases and other things that are no key ARN are never sent anywhere", async () => {
  for (const key of [
    "alias/x",
    "arn:aws:kms:eu-west-1:111122223333:alias/x",
    "",
    "arn:aws:kms:eu-west-1:1:key/x",
    `${arn} `,
  ]) {
    await expect(kms.encrypt(key, {}, Buffer.of(1))).rejects.toMatchObject({ code: "USAGE" });
  }
  expect(server.seen).toEqual([]);
});
