// Where something leaves the project to, in the one spelling that the policy matches, the log keeps and the writer writes to.
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CloisterError, systemCode } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { printable } from "../../base/terminal.ts";
import { checkReads } from "../../keys/identity.ts";
import { destinationProblem } from "../../policy/destination.ts";
import { checkEndpoint, parseS3Url, s3Url } from "../../store/s3-place.ts";
import type { Host } from "../host.ts";

/** A place outside of the artifact's domain. `text` is its one spelling; everything else follows from it. */
export type Destination = { readonly text: string } & (
  | { readonly kind: "folder"; readonly path: string }
  | {
      readonly kind: "bucket";
      readonly bucket: string;
      readonly prefix: string;
      /** Of a server other than AWS. */
      readonly endpoint: string | undefined;
    }
  | { readonly kind: "domain"; readonly domain: string }
  | { readonly kind: "share"; readonly recipient: string }
);

const TEXT_BYTES_MAX = 1024;
/** Controls, formatting characters and line separators: what is shown must be what is meant. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\ufffd]/u;
const FOLDER = "file:";

/**
 * Reads a destination as people write it: `s3://bucket/prefix`, `domain:NAME`, `share:age1…`, or a folder. A bucket of a
 * server that is not AWS becomes `s3+https://server/bucket/prefix`: a rule that names a bucket of AWS must not match it.
 * A folder becomes `file:` and its real path: a link must not lead elsewhere than what was decided.
 *
 * @param endpoint of the server that a bucket is at; the environment's, as the `aws` program has it, where it is left out
 * @throws CloisterError USAGE
 */
export async function destinationOf(host: Host, given: string, endpoint?: string): Promise<Destination> {
  const destination = await read(host, given, endpoint);
  // As the policy has it: what it could not compare, it could only refuse.
  const problem = destinationProblem(destination.text);
  if (problem === undefined) return destination;
  throw wrong(given, problem);
}

async function read(host: Host, given: string, endpoint: string | undefined): Promise<Destination> {
  if (given === "" || Buffer.byteLength(given) > TEXT_BYTES_MAX || UNSEEN.test(given)) {
    throw wrong(given, `it is empty, longer than ${String(TEXT_BYTES_MAX)} bytes, or has characters that do not show`);
  }
  if (given.startsWith("domain:")) {
    const domain = checkName(given.slice("domain:".length), "domain");
    return { kind: "domain", text: `domain:${domain}`, domain };
  }
  if (given.startsWith("share:")) {
    const recipient = given.slice("share:".length);
    if (!checkReads(recipient)) throw wrong(given, "a share goes to one age recipient, age1…");
    return { kind: "share", text: `share:${recipient}`, recipient };
  }
  const plain = given.startsWith(`${FOLDER}/`) ? given.slice(FOLDER.length) : given;
  if (/^[a-z][a-z0-9+.-]*:/i.test(plain)) return bucketOf(host, plain, endpoint);
  return folderOf(host, plain);
}

function bucketOf({ env }: Host, given: string, endpoint: string | undefined): Destination {
  const elsewhere = /^s3\+(https?:\/\/[^/]+)\/(.+)$/.exec(given);
  if (!elsewhere && !given.startsWith("s3://")) throw wrong(given, "there is no such kind of destination");
  const { bucket, prefix } = parseS3Url(elsewhere ? `s3://${elsewhere[2] ?? ""}` : given);
  // The SDK would go to the server that these name: better that it is seen.
  const at = elsewhere?.[1] ?? endpoint ?? (env["AWS_ENDPOINT_URL_S3"] || env["AWS_ENDPOINT_URL"] || undefined);
  if (at === undefined) return { kind: "bucket", text: s3Url({ bucket, prefix }), bucket, prefix, endpoint: undefined };
  const server = checkEndpoint(at, env["CLOISTER_ALLOW_HTTP"] === "1");
  const text = `s3+${server}/${bucket}${prefix === "" ? "" : `/${prefix}`}`;
  return { kind: "bucket", text, bucket, prefix, endpoint: server };
}

async function folderOf({ cwd }: Host, given: string): Promise<Destination> {
  const parts = given.replace(/\/$/, "").replace(/^\//, "").split("/");
  if (parts.some((part) => part === "" || part === "..")) {
    throw wrong(given, "a path to export to has no empty parts and no ..");
  }
  const path = await realPath(resolve(cwd, given));
  return { kind: "folder", text: `${FOLDER}${path}`, path };
}

/** Without links, as far as it exists. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT" && dirname(path) !== path) {
      return join(await realPath(dirname(path)), basename(path));
    }
    throw new CloisterError("USAGE", `cannot write to ${printable(path)}`, { why: systemCode(error), cause: error });
  }
}

function wrong(given: string, why: string): CloisterError {
  return new CloisterError("USAGE", `${printable(given.slice(0, 200))} is no destination`, {
    why,
    next: "write it like s3://bucket/prefix, domain:NAME, or ./folder",
  });
}
