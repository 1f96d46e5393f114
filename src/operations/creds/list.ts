// What is kept on this device, and how long it lasts. Neither the store nor any secret is looked at.
import { requireConfig } from "../config.ts";
import type { Host } from "../host.ts";
import { placesOf } from "../places.ts";
import type { CredentialListing, CredentialSummary } from "../types/creds.ts";
import { credentialsFolder, entriesIn, type IndexEntry, removeEntry } from "./index.ts";
import { servesIn } from "./serves.ts";

/** Credentials that have not ended and endpoints that run, in the project of a folder. @throws CloisterError NOT_FOUND */
export async function listCredentials(
  host: Pick<Host, "env" | "home" | "now">,
  folder: string,
): Promise<CredentialListing> {
  const { project } = await requireConfig(folder);
  const place = credentialsFolder(placesOf(host).state, project);
  const now = host.now();
  const entries = await entriesIn(place);
  for (const { key, expiresAtMs } of entries) if (expiresAtMs <= now) await removeEntry(place, key);
  const credentials = entries.filter(({ expiresAtMs }) => expiresAtMs > now).map((entry) => summary(entry, now));
  return { credentials, serves: await servesIn(place) };
}

function summary({ key: _key, expiresAtMs, ...entry }: IndexEntry, now: number): CredentialSummary {
  return { ...entry, leftMs: expiresAtMs - now };
}
