// A version as objects in a bucket that is not the project's: the files under their paths, the manifest last.
import type { FileEntry } from "../../base/file-entry.ts";
import type { S3Access } from "../../store/s3-place.ts";
import { PROVENANCE_FILE } from "../artifact/provenance-file.ts";
import type { Host } from "../host.ts";
import type { ExportOptions } from "../types.ts";
import type { Destination } from "./destination.ts";

/** Of files up to this size several are under way at once: each waits for its answer most of its time. */
const SMALL_BYTES = 1024 * 1024;
const AT_ONCE = 8;

/**
 * Sends everything with the caller's own AWS credentials. Whoever finds the manifest there finds all files; after an
 * interruption it is missing, and the same command again goes on.
 * @param released called before the first byte leaves
 * @throws CloisterError USAGE where something else has one of the names, those of the store
 */
export async function sendToBucket(
  access: S3Access,
  files: AsyncIterable<FileEntry>,
  manifest: Uint8Array,
  released: () => void,
): Promise<void> {
  const { S3Sender } = await import("../../store/s3-send.ts");
  const sender = new S3Sender(access);
  const sending = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  released();
  for await (const file of files) {
    if (file.kind === "directory") continue;
    if (file.bytes > SMALL_BYTES) {
      await sender.send(file);
      continue;
    }
    const bytes = await readAll(file);
    const sent: Promise<void> = sender
      .send({ path: file.path, bytes: bytes.length, read: () => once(bytes) })
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => sending.delete(sent));
    sending.add(sent);
    if (sending.size >= AT_ONCE) await Promise.race(sending);
    if (failure) break;
  }
  await Promise.all(sending);
  if (failure) throw failure.error;
  await sender.send({ path: PROVENANCE_FILE, bytes: manifest.length, read: () => once(manifest) });
}

/** How to reach the bucket: the credentials of the `aws` program, by its own rules, never the project's. */
export function bucketAccess(
  { env, signal }: Host,
  { bucket, prefix, endpoint }: Extract<Destination, { kind: "bucket" }>,
  { region, profile }: Pick<ExportOptions, "region" | "profile">,
): S3Access {
  const fallback = endpoint === undefined ? undefined : env["AWS_REGION"] || "us-east-1";
  return { bucket, prefix, endpoint, region: region ?? fallback, profile, signal };
}

async function readAll(file: FileEntry): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
