// Uploads in parts that nobody completed or gave up: invisible in listings, and paid for.
import type { S3Connection } from "./s3-connection.ts";
import { abort } from "./s3-create.ts";
import type { Unfinished } from "./store.ts";

/** Pages of 1,000; a server that never ends is not waited for. */
const PAGES_MAX = 1000;
/** What no key of ours holds. */
const BETWEEN = "\n";

/** @param base what the store's keys start with */
export async function* unfinishedUploads(connection: S3Connection, base: string): AsyncIterable<Unfinished> {
  const { bucket } = connection.access;
  let after: { readonly KeyMarker: string; readonly UploadIdMarker: string | undefined } | undefined;
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const asked = { Bucket: bucket, Prefix: base, ...after };
    const answer = await connection.attempt(
      { action: "s3:ListBucketMultipartUploads" },
      async ({ sdk, client, quick }) => await client.send(new sdk.ListMultipartUploadsCommand(asked), quick),
    );
    for (const { Key, UploadId, Initiated } of answer.Uploads ?? []) {
      const changedMs = Initiated?.getTime();
      if (Key === undefined || UploadId === undefined || changedMs === undefined) continue;
      if (Key.startsWith(base) && !Key.includes(BETWEEN)) yield { id: Key + BETWEEN + UploadId, bytes: 0, changedMs };
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = answer;
    if (!IsTruncated || NextKeyMarker === undefined) return;
    after = { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker };
  }
}

/** As well as it can be done: it costs money, and nothing else. */
export async function discardUpload(connection: S3Connection, base: string, { id }: Unfinished): Promise<void> {
  const at = id.indexOf(BETWEEN);
  const upload = { key: id.slice(0, at), id: id.slice(at + 1) };
  if (at > 0 && upload.key.startsWith(base)) await abort(connection, upload);
}
