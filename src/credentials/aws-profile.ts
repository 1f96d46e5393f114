// The one thing of a profile that the SDK does not tell: the serial number of its second factor.
import { readFile } from "node:fs/promises";

const CONFIG_BYTES_MAX = 1_000_000;

/**
 * `mfa_serial` of a profile in an AWS configuration file; undefined where there is no file, profile or line.
 *
 * @param profile `default`, or the name after `profile` in the section's heading
 */
export async function mfaSerialOf(file: string, profile: string): Promise<string | undefined> {
  const text = await readFile(file, "utf8").catch(() => "");
  if (text.length > CONFIG_BYTES_MAX) return undefined;
  let here = false;
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[\s*(?:profile\s+)?("?)([^\]"]+?)\1\s*\]/.exec(line)?.[2];
    if (heading !== undefined) here = heading === profile;
    const serial = here ? /^\s*mfa_serial\s*=\s*(\S+)/.exec(line)?.[1] : undefined;
    if (serial !== undefined) return serial;
  }
  return undefined;
}
