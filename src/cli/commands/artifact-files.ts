// The files of one version.
import { formatBytes } from "../../base/units.ts";
import type { FileListing } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { files, log, minutesUtc } from "../words.ts";
import { selectionOf } from "./artifact-pull.ts";

export async function listFiles(call: Call, reference: string): Promise<undefined> {
  const listing = await (await call.project()).listFiles(reference, selectionOf(call));
  print(call, "files", listing, (page) => showListing(page, listing));
}

function showListing(page: Page, listing: FileListing): void {
  const { reference, partial } = listing;
  const rows = listing.fileList.map(({ path, bytes, sha256 }) =>
    page.tty ? [formatBytes(bytes).padStart(SIZE_COLUMNS), sha256.slice(0, 12), path] : [String(bytes), sha256, path],
  );
  page.table(["SIZE".padStart(SIZE_COLUMNS), "SHA-256", "PATH"], rows);
  if (!page.tty || page.quiet) return;
  const of = partial
    ? ` of ${formatBytes(listing.bytes + partial.bytes)} in ${files(listing.files + partial.files)}`
    : "";
  page.line(`${formatBytes(listing.bytes)} in ${files(listing.files)}${of}`, page.paint.bold);
  const via = listing.via === undefined ? "" : `, where ${listing.via} leads now`;
  const pushed = `pushed by ${listing.pushedBy} ${minutesUtc(listing.pushedAt)}`;
  page.line(`${reference}${via}   class ${listing.class}   ${pushed}   ${log(listing.logEntry)}`, page.paint.dim);
}

/** `12.3 MB`. */
const SIZE_COLUMNS = 7;
