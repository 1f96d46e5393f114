// What Cloister asks of KMS, asked of two: the one of these tests, and moto, which nobody here wrote, where it is installed.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import { type KmsEpoch, sealPrivateHalf, unsealPrivateHalf } from "../../src/keys/class-key.ts";
import type { KeyContext } from "../../src/keys/data-key.ts";
import { KeyService } from "../../src/keys/key-service.ts";
import { type Kms, kmsOver } from "../../src/keys/kms.ts";
import { TestKms } from "../aws/kms-server.ts";

process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
const keys = { accessKeyId: "MOTO", secretAccessKey: "moto" };
/** The interpreter that has moto, itself: what stands in for it (a shim) would not pass a signal on. */
const python = ["/usr/bin/python3", "python3"]
  .map((each) => spawnSync(each, ["-c", "import sys, moto.server; print(sys.executable)"], { encoding: "utf8" }))
  .find(({ status }) => status === 0)
  ?.stdout.trim();

interface Running {
  readonly url: string;
  newKey(): Promise<string>;
  stop(): Promise<void>;
}

async function ours(): Promise<Running> {
  const server = new TestKms();
  const url = await server.start();
  server.allow(keys.accessKeyId);
  return {
    url,
    newKey: async () => server.key(),
    stop: () => server.stop(),
  };
}

async function moto(): Promise<Running> {
  const child = spawn(python ?? "", ["-m", "moto.server", "-p", "0"], { stdio: ["ignore", "pipe", "pipe"] });
  const url = await addressOf(child);
  const client = new KMSClient({ region: "eu-west-1", endpoint: url, credentials: keys });
  return {
    url,
    newKey: async () => (await client.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? "",
    stop: async () => {
      const ended = new Promise((resolve) => child.once("close", resolve));
      child.kill();
      await ended;
    },
  };
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /Running on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.on("close", () => reject(new Error(`moto ended: ${said}`)));
  });
}

const skipped = python === undefined ? " (skipped: moto is not installed)" : "";

describe.each([
  ["the KMS of the tests", ours, true],
  [`moto${skipped}`, moto, python !== undefined],
] as const)("%s", (_, start, isThere) => {
  let server: Running;
  let kms: Kms;
  let epoch: KmsEpoch;
  const secret = generateAge();
  const place = { project: "0".repeat(32), domain: "churn", class: "internal" };
  const context: KeyContext = { ...place, epoch: 1, nameId: "a".repeat(64), number: 1, purpose: "data" };
  // Of a ciphertext that names another key, moto says that the key is not to be had instead of that it is another one.
  const refused = expect.objectContaining({ code: expect.stringMatching(/^(INTEGRITY|POLICY_DENIED)$/) });
  const open = (wrap: Uint8Array, at = context, by = epoch) =>
    new KeyService(kms).open(
      by,
      at,
      async () => wrap,
      async () => undefined,
    );

  beforeAll(async () => {
    if (!isThere) return;
    server = await start();
    process.env["AWS_ENDPOINT_URL_KMS"] = server.url;
    kms = kmsOver(async () => ({ credentials: async () => keys }));
    epoch = { ...place, epoch: 1, recipient: recipientOf(secret), kms: await server.newKey() };
  });
  afterAll(() => server?.stop());

  test.skipIf(!isThere)("a data key and a private half come out as they went in", async () => {
    const { key, wrap } = await new KeyService(kms).make(epoch, context);
    expect(await open(wrap)).toEqual(key);
    const half = await sealPrivateHalf(kms, epoch, secret);
    expect(await unsealPrivateHalf(kms, epoch, half, "half")).toBe(secret);
  });

  test.skipIf(!isThere)("changed, moved, of another place or under another key they do not", async () => {
    const half = Buffer.from(await sealPrivateHalf(kms, epoch, secret));
    for (let i = 0; i < half.length; i += 11) {
      const changed = Buffer.from(half);
      changed[i] = (changed[i] ?? 0) ^ 1;
      await expect(unsealPrivateHalf(kms, epoch, changed, "half")).rejects.toThrowError(refused);
    }
    for (const other of [{ domain: "x" }, { class: "x" }, { epoch: 2 }, { project: "1".repeat(32) }]) {
      await expect(unsealPrivateHalf(kms, { ...epoch, ...other }, half, "half")).rejects.toThrowError(refused);
    }
    const elsewhere = { ...epoch, kms: await server.newKey() };
    await expect(unsealPrivateHalf(kms, elsewhere, half, "half")).rejects.toThrowError(refused);
    await expect(unsealPrivateHalf(kms, epoch, randomBytes(200), "half")).rejects.toThrowError(refused);
    const [one, two] = await Promise.all(
      [1, 2].map((number) => new KeyService(kms).make(epoch, { ...context, number })),
    );
    const [first, second] = [one, two].map((made) => JSON.parse(Buffer.from(made?.wrap ?? []).toString()));
    const spliced = Buffer.from(JSON.stringify({ ...first, ciphertext: second.ciphertext }));
    await expect(open(spliced)).rejects.toThrowError(refused);
  });
});
