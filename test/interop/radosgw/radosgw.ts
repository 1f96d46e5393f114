// A real object store that nobody here wrote: Ceph's radosgw, which speaks S3, IAM and STS and enforces what they say.
import { execFile, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";

/** Keys of one of its users. */
export interface UserKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** May do everything, and manage roles, policies and identity providers. */
export const ADMIN: UserKeys = { accessKeyId: "AKIAADMIN0000000TEST", secretAccessKey: "admin-secret-key-for-tests" };
/** May do nothing but with buckets of their own. */
export const PLAIN: UserKeys = { accessKeyId: "AKIAPLAIN0000000TEST", secretAccessKey: "plain-secret-key-for-tests" };

const NEEDED = ["ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "ceph", "curl"];
const lacking = NEEDED.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);

/** Why there can be no radosgw here, to go on with the title of what is skipped then; empty where there can be one. */
export const NO_RADOSGW =
  lacking.length === 0
    ? ""
    : ` (skipped: no ${lacking[0] ?? ""}; apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common curl)`;

/** For `beforeAll`, in ms: it is ready in 14 s on an idle machine. */
export const RADOSGW_START_MS = 240_000;

export interface Radosgw {
  /** `http://127.0.0.1:PORT`, for S3, IAM and STS. */
  readonly endpoint: string;
  /** Runs `radosgw-admin` and returns what it prints. */
  admin(...args: readonly string[]): Promise<string>;
  /** Ends its servers and removes everything it kept. */
  stop(): Promise<void>;
}

/**
 * Starts one of one's own: several run side by side. It ends with this process at the latest.
 *
 * @param conf more lines for its section of ceph.conf
 */
export async function startRadosgw(conf: readonly string[] = []): Promise<Radosgw> {
  const folder = mkdtempSync(join(tmpdir(), "radosgw-"));
  const server = spawn(join(import.meta.dirname, "serve.sh"), [folder], {
    env: { ...process.env, RGW_CONF: conf.join("\n") },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  let endpoint = "";
  for await (const line of createInterface({ input: server.stdout })) {
    endpoint = line;
    break;
  }
  if (endpoint === "") throw new Error("radosgw does not start: its log is above");
  const env = { ...process.env, CEPH_CONF: join(folder, "ceph.conf") };
  return {
    endpoint,
    admin: async (...args) => (await promisify(execFile)("radosgw-admin", args, { env, timeout: 60_000 })).stdout,
    stop: async () => {
      server.stdin.end();
      await ended;
    },
  };
}

/** A client of the SDK, as the tests' own hand: for what the program under test must not do, or must not have done. */
export function clientOf(
  endpoint: string,
  credentials: UserKeys & { readonly sessionToken?: string } = PLAIN,
): S3Client {
  return new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
}

/** Makes an empty bucket and returns its name. */
export async function newBucket({ endpoint }: Pick<Radosgw, "endpoint">, owner: UserKeys = PLAIN): Promise<string> {
  const name = `bucket-${randomBytes(6).toString("hex")}`;
  const client = clientOf(endpoint, owner);
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  return name;
}

/** What the environment of a program says of whose keys it uses. */
export function environmentOf(keys: UserKeys): Readonly<Record<string, string>> {
  return {
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    AWS_REGION: "us-east-1",
    // Nothing of this machine's own settings, and no wait for an instance's metadata.
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}
