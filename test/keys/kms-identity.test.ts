// Identities that sign through KMS: what comes back is verified, normalised, and otherwise not used.
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseEnvelope, signEnvelope, verifyEnvelope } from "../../src/keys/dsse.ts";
import { verifyLowS } from "../../src/keys/ecdsa.ts";
import { generateIdentity, publicKeyOf } from "../../src/keys/identity.ts";
import { documentOf, identityIn } from "../../src/keys/identity-document.ts";
import { createIdentity, readPublicIdentity, unlockIdentity } from "../../src/keys/keyring.ts";
import { kmsOver } from "../../src/keys/kms.ts";
import { newKmsIdentity } from "../../src/keys/kms-identity.ts";
import { TestKms } from "../aws/kms-server.ts";

const server = new TestKms();
const credentials = async () => ({ accessKeyId: "ANA", secretAccessKey: "secret" });
const kms = kmsOver(async () => ({ credentials }));
const INTEGRITY = expect.objectContaining({ code: "INTEGRITY" });
const folder = mkdtempSync(join(tmpdir(), "cloister-kms-identity-"));
let arn: string;

beforeAll(async () => {
  process.env["AWS_ENDPOINT_URL_KMS"] = await server.start();
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
  server.allow("ANA");
  arn = server.key({ signing: true });
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await server.stop();
});
beforeEach(() => {
  server.trouble = [];
});

describe("signing", () => {
  test("every signature is strict DER with low S, whichever KMS sends, and stands in an envelope like any other", async () => {
    const identity = await newKmsIdentity(kms, arn);
    for (let i = 0; i < 40; i++) {
      const data = randomBytes(i * 10);
      expect(verifyLowS(data, await identity.sign(data), publicKeyOf(identity.signs))).toBe(true);
    }
    const bytes = await signEnvelope("application/x", Buffer.from("{}"), identity);
    expect(verifyEnvelope(parseEnvelope(bytes, "application/x", "x", 1000), identity.signs)).toBe(true);
  });

  test("only the digest leaves this device", async () => {
    const identity = await newKmsIdentity(kms, arn);
    const data = Buffer.from("a manifest that nobody else may read");
    const digest = createHash("sha256").update(data).digest("base64");
    await identity.sign(data);
    const { messages } = server;
    expect(messages.at(-1)).toBe(digest);
  });

  test.each([
    ["a signature by another key", async () => signatureBy(server.key({ signing: true }))],
    ["one over something else", async () => (await kms.sign(arn, randomBytes(32))).toString("base64")],
    ["no signature", async () => randomBytes(70).toString("base64")],
    ["an empty SEQUENCE", async () => "MAA="],
  ])("%s is not used", async (_, made) => {
    const identity = await newKmsIdentity(kms, arn);
    const Signature = await made();
    server.trouble = [{ answer: (real) => ({ ...real, Signature }) }];
    await expect(identity.sign(Buffer.from("x"))).rejects.toThrowError(INTEGRITY);
  });

  async function signatureBy(key: string): Promise<string> {
    return (await kms.sign(key, createHash("sha256").update("x").digest())).toString("base64");
  }
});

describe("the key", () => {
  test("must be for signatures, on P-256, and one that these credentials may sign with", async () => {
    await expect(newKmsIdentity(kms, server.key())).rejects.toMatchObject({ code: "FAILURE" });
    server.trouble = [{ answer: (real) => ({ ...real, KeySpec: "ECC_NIST_P384" }) }];
    await expect(newKmsIdentity(kms, arn)).rejects.toMatchObject({ code: "USAGE" });
    server.allow("LOOK", { actions: ["GetPublicKey"] });
    const credentials = async () => ({ accessKeyId: "LOOK", secretAccessKey: "x" });
    const look = kmsOver(async () => ({ credentials }));
    await expect(newKmsIdentity(look, arn)).rejects.toMatchObject({
      code: "POLICY_DENIED",
      message: expect.stringContaining("kms:Sign"),
    });
  });
});

describe("kept on a device", () => {
  const places = (name: string) => {
    return { configDir: join(folder, name), insecureStorage: true, now: Date.now, kms };
  };

  test("comes out as it went in; identity.json names the key, and no signing half is anywhere", async () => {
    const made = await createIdentity({ ...places("a"), signingKey: arn });
    const again = await unlockIdentity(places("a"));
    expect([again.signs, again.reads, again.ageSecret]).toEqual([made.signs, made.reads, made.ageSecret]);
    expect(verifyLowS(Buffer.from("x"), await again.sign(Buffer.from("x")), publicKeyOf(made.signs))).toBe(true);
    const known = await readPublicIdentity(places("a"));
    expect(known).toMatchObject({ signing: arn, storage: "a plain file that is NOT encrypted" });
    const texts = readdirSync(places("a").configDir).map((name) =>
      readFileSync(join(places("a").configDir, name), "utf8"),
    );
    expect(texts.filter((text) => text.includes(arn))).toHaveLength(2);
    expect(texts.join()).not.toMatch(/"signing":"[A-Za-z0-9_-]{43}"/);
  });

  test("a key that may not sign leaves no identity behind; one that is there already is not exchanged", async () => {
    const key = server.keys.get(arn);
    if (key) key.state = "Disabled";
    await expect(createIdentity({ ...places("b"), signingKey: arn })).rejects.toMatchObject({ code: "FAILURE" });
    if (key) key.state = "Enabled";
    expect(await readPublicIdentity(places("b"))).toBeUndefined();
    await createIdentity(places("b"));
    await expect(unlockIdentity({ ...places("b"), signingKey: arn })).rejects.toMatchObject({
      message: "this device has an identity already",
    });
  });

  test("its document is read strictly, and nothing secret shows in errors or when it is printed", async () => {
    const identity = await newKmsIdentity(kms, arn);
    const document = documentOf(identity);
    expect(inspect(identity, { depth: 9, showHidden: true }) + JSON.stringify(identity)).not.toContain(
      identity.ageSecret,
    );
    const other = await generateIdentity();
    for (const wrong of [
      document.replace("}", ',"x":1}'),
      document.replace(arn, "alias/x"),
      document.replace(identity.signs, "p256:x"),
      document.replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-2"),
      document.slice(0, -1),
    ]) {
      const error = (() => {
        try {
          return identityIn(wrong, kms);
        } catch (thrown) {
          return thrown;
        }
      })();
      expect(error).toEqual(INTEGRITY);
      expect(inspect(error, { depth: 9 })).not.toContain(identity.ageSecret.slice(20));
    }
    expect(identityIn(documentOf(other), undefined).signs).toBe(other.signs);
    expect(() => identityIn(document, undefined)).toThrowError(expect.objectContaining({ code: "UNSUPPORTED_HOST" }));
  });
});
