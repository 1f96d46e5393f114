// What the SDK does not tell of a profile: the serial number of its second factor, and which program prints its codes.
import { readFile } from "node:fs/promises";

const CONFIG_BYTES_MAX = 1_000_000;

/** The second factor of a profile. */
export interface ProfileFactor {
  readonly serial: string;
  /** `mfa_process`, a setting of aws-vault: a command that prints the code. */
  readonly process: string | undefined;
}

/**
 * `mfa_serial` and `mfa_process` of a profile in an AWS configuration file; undefined where there is no file, profile or
 * `mfa_serial`.
 *
 * @param profile `default`, or the name after `profile` in the section's heading
 */
export async function factorOf(file: string, profile: string): Promise<ProfileFactor | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  if (text.length > CONFIG_BYTES_MAX) return undefined;
  let here = false;
  const found = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[\s*(?:profile\s+)?("?)([^\]"]+?)\1\s*\]/.exec(line)?.[2];
    if (heading !== undefined) here = heading === profile;
    const [, key, value] = (here && /^\s*(mfa_serial|mfa_process)\s*=\s*(\S.*?)\s*$/.exec(line)) || [];
    if (key !== undefined && value !== undefined && !found.has(key)) found.set(key, value);
  }
  const serial = found.get("mfa_serial")?.split(/\s/)[0];
  return serial === undefined ? undefined : { serial, process: found.get("mfa_process") };
}
