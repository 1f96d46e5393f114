// A KMS on loopback: real AES-256-GCM with the encryption context as additional data, real ECDSA, key policies per
// access key, and trouble on demand. What it says and how follows the KMS API Reference; the client is the real SDK.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { signDigest } from "./sign-digest.ts";

type Context = Readonly<Record<string, string>>;

/** What one access key may do: these actions, on these keys, where every value of the context is as here. */
export interface Grant {
  readonly actions: readonly string[];
  readonly keys?: readonly string[];
  readonly context?: Context;
}

export interface TestKey {
  readonly arn: string;
  readonly material: Buffer;
  readonly signing: KeyObject | undefined;
  state: "Enabled" | "Disabled" | "PendingDeletion";
}

/** One request as the server took it. */
export interface Seen {
  readonly action: string;
  readonly accessKey: string;
  readonly key: string;
  readonly context: Context;
  readonly outcome: string;
}

/** Answers instead of the real one, in order: a name of an error, silence, or an answer of one's own. */
export type Trouble =
  | { readonly error: string; readonly status?: number; readonly message?: string }
  | { readonly silent: true }
  /** It is done, and the connection breaks before the answer. */
  | { readonly lost: true }
  | { readonly answer: (real: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>> };

const ACCOUNT = "111122223333";
const REGION = "eu-west-1";

export class TestKms {
  readonly keys = new Map<string, TestKey>();
  readonly seen: Seen[] = [];
  /** What was sent to be signed, in base64. */
  readonly messages: string[] = [];
  readonly grants = new Map<string, readonly Grant[]>();
  /** Access keys whose session token has expired. */
  readonly expired = new Set<string>();
  trouble: Trouble[] = [];
  /** What everything after that gets. */
  lasting: Trouble | undefined;
  url = "";
  #server: Server | undefined;

  async start(): Promise<string> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    return this.url;
  }

  async stop(): Promise<void> {
    this.#server?.closeAllConnections();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** Environment of somebody with this access key. */
  env(accessKey: string): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_KMS: this.url,
      AWS_ACCESS_KEY_ID: accessKey,
      AWS_SECRET_ACCESS_KEY: `secret of ${accessKey}`,
    };
  }

  /** A key for encryption, or one that signs. @param seed makes the same key every time */
  key(options: { readonly signing?: boolean; readonly seed?: string } = {}): string {
    const id = options.seed === undefined ? randomBytes(16) : digest(`id ${options.seed}`).subarray(0, 16);
    const hex = id.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
    const arn = `arn:aws:kms:${REGION}:${ACCOUNT}:key/${hex}`;
    const material = options.seed === undefined ? randomBytes(32) : digest(`material ${options.seed}`);
    const signing = options.signing ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey : undefined;
    this.keys.set(arn, { arn, material, signing, state: "Enabled" });
    return arn;
  }

  /** Lets an access key do everything, or what is given. */
  allow(accessKey: string, ...grants: readonly Grant[]): void {
    this.grants.set(accessKey, grants.length > 0 ? grants : [{ actions: ["*"] }]);
  }

  /** How often an action was answered, of those whose context has this member. */
  count(action: string, member?: string): number {
    return this.seen.filter((each) => {
      return each.outcome === "done" && each.action === action && (member === undefined || member in each.context);
    }).length;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const action = String(request.headers["x-amz-target"]).replace("TrentService.", "");
    const authorization = String(request.headers.authorization);
    const accessKey = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/\d{8}\/[a-z0-9-]+\/kms\/aws4_request,/.exec(
      authorization,
    )?.[1];
    const input = JSON.parse(Buffer.concat(chunks).toString()) as Input;
    const trouble = this.trouble.shift() ?? this.lasting;
    const noted = {
      action,
      accessKey: accessKey ?? "",
      key: String(input.KeyId),
      context: input.EncryptionContext ?? {},
    };
    if (trouble && "silent" in trouble) {
      this.seen.push({ ...noted, outcome: "silent" });
      return;
    }
    try {
      if (trouble && "error" in trouble)
        throw new Refusal(trouble.error, trouble.message ?? "on demand", trouble.status);
      if (accessKey === undefined)
        throw new Refusal("MissingAuthenticationTokenException", "Request is missing Authentication Token", 403);
      const real = this.#answer(action, accessKey, input);
      this.seen.push({ ...noted, outcome: "done" });
      if (trouble && "lost" in trouble) return void response.destroy();
      reply(response, 200, trouble && "answer" in trouble ? trouble.answer(real) : real);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.seen.push({ ...noted, outcome: error.type });
      reply(response, error.status, { __type: error.type, message: error.message });
    }
  }

  #answer(action: string, accessKey: string, input: Input): Readonly<Record<string, unknown>> {
    if (this.expired.has(accessKey)) {
      throw new Refusal("ExpiredTokenException", "The security token included in the request is expired", 403);
    }
    const context = input.EncryptionContext ?? {};
    const key = this.keys.get(String(input.KeyId));
    this.#authorize(action, accessKey, String(input.KeyId), context);
    if (!key) throw new Refusal("NotFoundException", `Key '${String(input.KeyId)}' does not exist`);
    if (key.state === "Disabled") throw new Refusal("DisabledException", `${key.arn} is disabled.`);
    if (key.state === "PendingDeletion")
      throw new Refusal("KMSInvalidStateException", `${key.arn} is pending deletion.`);
    if (action === "GetPublicKey" || action === "Sign") return this.#asymmetric(action, key, input);
    if (key.signing) throw new Refusal("InvalidKeyUsageException", `${key.arn} key usage is SIGN_VERIFY`);
    return this.#symmetric(action, key, context, input);
  }

  #authorize(action: string, accessKey: string, key: string, context: Context): void {
    const grants = this.grants.get(accessKey);
    if (!grants)
      throw new Refusal("UnrecognizedClientException", "The security token included in the request is invalid.", 403);
    const fits = grants.some(
      (grant) =>
        (grant.actions.includes("*") || grant.actions.includes(action)) &&
        (grant.keys === undefined || grant.keys.includes(key)) &&
        Object.entries(grant.context ?? {}).every(([name, value]) => context[name] === value),
    );
    if (fits) return;
    const who = `User: arn:aws:iam::${ACCOUNT}:user/${accessKey}`;
    const what = `is not authorized to perform: kms:${action} on resource: ${key}`;
    throw new Refusal(
      "AccessDeniedException",
      `${who} ${what} because no identity-based policy allows the kms:${action} action`,
    );
  }

  #symmetric(action: string, key: TestKey, context: Context, input: Input): Readonly<Record<string, unknown>> {
    const common = { KeyId: key.arn, EncryptionAlgorithm: "SYMMETRIC_DEFAULT", KeyMaterialId: "0".repeat(64) };
    if (action === "Decrypt")
      return { ...common, Plaintext: open(key, context, String(input.CiphertextBlob)).toString("base64") };
    if (action === "Encrypt") {
      return { ...common, CiphertextBlob: seal(key, context, Buffer.from(String(input.Plaintext), "base64")) };
    }
    if (action !== "GenerateDataKey") throw new Refusal("UnsupportedOperationException", action);
    const plain = randomBytes(32);
    return { ...common, Plaintext: plain.toString("base64"), CiphertextBlob: seal(key, context, plain) };
  }

  #asymmetric(action: string, key: TestKey, input: Input): Readonly<Record<string, unknown>> {
    if (!key.signing) {
      if (action === "GetPublicKey") throw new Refusal("UnsupportedOperationException", `${key.arn} is symmetric`);
      throw new Refusal("InvalidKeyUsageException", `${key.arn} key usage is ENCRYPT_DECRYPT`);
    }
    if (action === "GetPublicKey") {
      const spki = createPublicKey(key.signing).export({ type: "spki", format: "der" });
      const how = { KeyUsage: "SIGN_VERIFY", KeySpec: "ECC_NIST_P256", SigningAlgorithms: ["ECDSA_SHA_256"] };
      return { KeyId: key.arn, PublicKey: spki.toString("base64"), ...how };
    }
    const { MessageType, SigningAlgorithm, Message } = input;
    const message = Buffer.from(String(Message), "base64");
    this.messages.push(String(Message));
    if (MessageType !== "DIGEST" || SigningAlgorithm !== "ECDSA_SHA_256" || message.length !== 32) {
      throw new Refusal("ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256.");
    }
    return { KeyId: key.arn, Signature: signDigest(key.signing, message).toString("base64"), SigningAlgorithm };
  }
}

interface Input {
  readonly KeyId?: string;
  readonly EncryptionContext?: Context;
  readonly CiphertextBlob?: string;
  readonly Plaintext?: string;
  readonly Message?: string;
  readonly MessageType?: string;
  readonly SigningAlgorithm?: string;
}

class Refusal extends Error {
  readonly type: string;
  readonly status: number;
  constructor(type: string, message: string, status = 400) {
    super(message);
    this.type = type;
    this.status = status;
  }
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** As in the real one, a ciphertext names the key it is under. */
function seal(key: TestKey, context: Context, plain: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key.material, nonce);
  cipher.setAAD(additionalData(key, context));
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()]);
  return Buffer.concat([digest(key.arn), nonce, sealed, cipher.getAuthTag()]).toString("base64");
}

function open(key: TestKey, context: Context, blob: string): Buffer {
  const bytes = Buffer.from(blob, "base64");
  const named = bytes.subarray(0, 32);
  if (bytes.length < 32 + NONCE_BYTES + TAG_BYTES) throw new Refusal("InvalidCiphertextException", "");
  if (!named.equals(digest(key.arn)))
    throw new Refusal(
      "IncorrectKeyException",
      "The key ID in the request does not identify a CMK that can perform this operation.",
    );
  const nonce = bytes.subarray(32, 32 + NONCE_BYTES);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key.material, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(key, context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(bytes.subarray(32 + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
  } catch {
    throw new Refusal("InvalidCiphertextException", "");
  }
}

function additionalData(key: TestKey, context: Context): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify([key.arn, pairs]));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, {
    "content-type": "application/x-amz-json-1.1",
    "x-amzn-requestid": randomBytes(8).toString("hex"),
  });
  response.end(JSON.stringify(body));
}
