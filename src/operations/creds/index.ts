// What this device knows of credentials it was issued and of endpoints it runs: no secret, so that both can be listed.
import { promises } from "node:fs";
import { join } from "node:path";
import type { Issued, Keeping } from "../../credentials/kept.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import type { CredentialSummary, IssuedCredential } from "../types/creds.ts";

const BYTES_MAX = 64 * 1024;

/** An entry of the index: the credential without its secret. */
export interface IndexEntry extends Omit<CredentialSummary, "leftMs"> {
  /** Where it is kept: see `credentialKey`. */
  readonly key: string;
  readonly expiresAtMs: number;
}

/** Folder of one project. */
export function credentialsFolder(state: string, project: string): string {
  return join(state, project, "credentials");
}

export async function writeEntry(folder: string, key: string, issued: Issued, kept: Keeping): Promise<void> {
  const { leftMs: _left, ...summary } = summaryOf(issued, kept, issued.issuedAtMs);
  const { expiresAtMs } = issued.credential;
  await writeLocal(join(folder, `${key}.json`), JSON.stringify({ ...summary, key, expiresAtMs }));
}

export async function removeEntry(folder: string, key: string): Promise<void> {
  await promises.rm(join(folder, `${key}.json`), { force: true });
}

/** Entries in the order in which they end. Files that were damaged are passed over. */
export async function entriesIn(folder: string): Promise<readonly IndexEntry[]> {
  const names = (await promises.readdir(folder).catch(() => [])).filter((name) => /^[0-9a-f]{32}\.json$/.test(name));
  const entries = await Promise.all(names.map((name) => readEntry(join(folder, name))));
  return entries.filter((entry) => entry !== undefined).sort((a, b) => a.expiresAtMs - b.expiresAtMs);
}

async function readEntry(path: string): Promise<IndexEntry | undefined> {
  try {
    const entry = JSON.parse((await readLocal(path, BYTES_MAX))?.toString("utf8") ?? "") as IndexEntry;
    const whole = typeof entry.role === "string" && typeof entry.provider === "string" && Array.isArray(entry.places);
    return whole && Number.isFinite(entry.expiresAtMs) && path.endsWith(`${entry.key}.json`) ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** A credential for people to look at. */
function summaryOf(issued: Issued, kept: Keeping | undefined, now: number): CredentialSummary {
  const { credential, id, member, role, places, purpose, audience, readOnly, issuedAtMs, logEntry } = issued;
  return {
    ...{ provider: credential.provider, id, member, role, places, purpose, audience, readOnly },
    issuedAt: new Date(issuedAtMs).toISOString(),
    expiresAt: new Date(credential.expiresAtMs).toISOString(),
    leftMs: Math.max(0, credential.expiresAtMs - now),
    kept,
    logEntry,
  };
}

/** A credential for a program to use. */
export function handedOut(
  { issued, kept }: { readonly issued: Issued; readonly kept: Keeping | undefined },
  reused: boolean,
  now: number,
): IssuedCredential {
  return { ...summaryOf(issued, kept, now), environment: issued.credential.environment, reused };
}
