// Which endpoints run on this device: each is registered in a file, and serves no longer than that file is there.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { identify, isRunning, type ProcessIdentity, sendSignal } from "../../sandbox/host/process.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import type { ServeSummary } from "../types/creds.ts";

const BYTES_MAX = 4096;

/** A registered endpoint. */
export interface Registration {
  /** False once it was revoked: then nothing is handed out any more. */
  readonly valid: () => boolean;
  end(): Promise<void>;
}

interface Entry extends ServeSummary {
  /** Tells the process apart from a later one with its number; undefined where the system has no /proc. */
  readonly process: ProcessIdentity | undefined;
  /** A process that does nothing but serve ends with its registration; one that runs a command goes on. */
  readonly endsWithIt: boolean;
}

/** Registers an endpoint of this process. */
export async function register(
  folder: string,
  serve: Omit<ServeSummary, "pid"> & { readonly endsWithIt: boolean },
): Promise<Registration> {
  const { pid } = process;
  const path = join(folder, `serve-${randomBytes(8).toString("hex")}.json`);
  await writeLocal(path, JSON.stringify({ ...serve, pid, process: identify(pid) }));
  return { valid: () => existsSync(path), end: () => rm(path, { force: true }) };
}

/** Endpoints that run now. Those whose process died without a word are forgotten. */
export async function servesIn(folder: string): Promise<readonly ServeSummary[]> {
  const running: ServeSummary[] = [];
  for (const { path, entry } of await registered(folder)) {
    const { process: identity, endsWithIt: _, ...summary } = entry;
    if (identity === undefined || isRunning(identity)) running.push(summary);
    else await rm(path, { force: true });
  }
  return running;
}

/** Ends all of them; returns how many. */
export async function endServes(folder: string): Promise<number> {
  let ended = 0;
  for (const { path, entry } of await registered(folder)) {
    const { process: identity, endsWithIt } = entry;
    const lives = identity === undefined || isRunning(identity);
    // First the file, without which it hands out nothing: a signal may come late, or not at all.
    await rm(path, { force: true });
    if (!lives) continue;
    ended++;
    if (identity && endsWithIt && isRunning(identity)) sendSignal(identity.pid, "SIGTERM");
  }
  return ended;
}

async function registered(folder: string): Promise<readonly { path: string; entry: Entry }[]> {
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^serve-[0-9a-f]{16}\.json$/.test(name));
  const found: { path: string; entry: Entry }[] = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    const entry = parse((await readLocal(path, BYTES_MAX))?.toString("utf8"));
    if (entry) found.push({ path, entry });
  }
  return found;
}

function parse(text: string | undefined): Entry | undefined {
  try {
    const entry = JSON.parse(text ?? "") as Entry;
    return Number.isSafeInteger(entry.pid) && typeof entry.at === "string" ? entry : undefined;
  } catch {
    return undefined;
  }
}
