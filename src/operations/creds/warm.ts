// A kept credential without opening the project: what a program that asks every few seconds gets. It was decided and
// logged when it was issued, and ends by itself; what may have changed since is checked as far as this device knows it.
import { type Issued, recall } from "../../credentials/kept.ts";
import { findConfig } from "../config.ts";
import type { Host } from "../host.ts";
import { policyChangedSince } from "../log-memory.ts";
import { placesOf } from "../places.ts";
import type { CredentialOptions, IssuedCredential, SettledOptions } from "../types/creds.ts";
import { handedOut } from "./index.ts";
import { credentialKey } from "./key.ts";

/** An SDK asks again five minutes before the end: what has less left would be asked for twice. */
const MIN_LEFT_MS = 5 * 60_000;

/** What a warm answer needs of the process. */
export type WarmHost = Pick<Host, "env" | "home" | "now">;

/**
 * The credential kept for these options, where it lives long enough and this device has verified no other policy since
 * it was issued; undefined where it has to be issued anew, or decided again.
 */
export async function warmCredential(
  host: WarmHost,
  folder: string,
  options: SettledOptions,
): Promise<IssuedCredential | undefined> {
  const config = await findConfig(folder);
  if (!config) return undefined;
  const { config: configDir, state } = placesOf(host);
  const found = await recall(configDir, credentialKey({ config, env: host.env }, options));
  if (!found || !livesLongEnough(found.issued, options, host.now())) return undefined;
  if (await policyChangedSince(state, config, found.issued.mark)) return undefined;
  return handedOut(found, true, host.now());
}

/** Whether more is left of it than was asked for. */
export function livesLongEnough(issued: Issued, { minLeftMs }: CredentialOptions, now: number): boolean {
  const { expiresAtMs } = issued.credential;
  const lifeMs = expiresAtMs - issued.issuedAtMs;
  // Where the clock was set back before it was issued, nothing is known about its end.
  if (now < issued.issuedAtMs - CLOCKS_APART_MS) return false;
  return expiresAtMs - now > (minLeftMs ?? Math.min(MIN_LEFT_MS, lifeMs / 2));
}

/** The store's clock and ours. */
const CLOCKS_APART_MS = 5 * 60_000;
