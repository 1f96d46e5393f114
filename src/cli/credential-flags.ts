// The flags that say which credential is meant: the same for every command that hands one out.
import { durationFlagMs } from "../base/units.ts";
import type { CredentialOptions } from "../index.ts";
import type { Flags } from "./flags.ts";

/** @throws {@link CloisterError} USAGE for a flag that is no duration */
export function credentialOptions(flags: Flags, provider?: "aws"): CredentialOptions {
  const duration = (name: string, flag: string): number | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : durationFlagMs(text, flag);
  };
  return {
    provider: provider ?? flags.choice("provider", ["token", "aws"]),
    role: flags.text("role"),
    domain: flags.text("domain"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    ttlMs: duration("ttl", "--ttl"),
    minLeftMs: duration("minTtl", "--min-ttl"),
    readOnly: flags.on("readOnly"),
    audience: flags.text("audience"),
    aws: {
      profile: flags.text("profile"),
      tokenFile: flags.text("tokenFile", "AWS_WEB_IDENTITY_TOKEN_FILE"),
      mfaCode: flags.text("mfaToken"),
    },
  };
}
