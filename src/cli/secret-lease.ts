// A secret handed out on the host: by `secret lease`, and by `creds` as the third of its providers.
import { CloisterError } from "../base/errors.ts";
import { durationFlagMs } from "../base/units.ts";
import type { SecretLease } from "../index.ts";
import type { Call } from "./call.ts";
import type { Flags } from "./flags.ts";
import { print } from "./output.ts";
import { shellWord } from "./words.ts";

/** @throws CloisterError USAGE where a person would see it */
export function refuseTerminal(call: Call, name: string): void {
  if (!call.context.io.outIsTty) return;
  throw new CloisterError("USAGE", "a secret is not shown on a terminal", {
    why: "it would stay in the terminal's memory and in whatever records it",
    next: `cloister secret lease ${shellWord(name)} | PROGRAM`,
  });
}

/** Asks for a secret; `asVariable` where it goes into an environment. */
export async function leaseNamed(call: Call, name: string, asVariable: boolean): Promise<SecretLease> {
  const { flags } = call;
  const ttl = flags.text("ttl");
  const leased = await (await call.project()).leaseSecret({
    name,
    domain: flags.text("domain"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    ttlMs: ttl === undefined ? undefined : durationFlagMs(ttl, "--ttl"),
    asVariable,
  });
  call.progress.clear();
  return leased;
}

/** Writes the value and nothing else, so that it can be piped on. */
export function printLease(call: Call, leased: SecretLease): void {
  const { value, credential, ...rest } = leased;
  const bytes = Buffer.from(value);
  const expiresAt = new Date(credential.expiresAtMs).toISOString();
  const given = { provider: credential.provider, expiresAt, environment: credential.environment };
  if (call.json) print(call, "secret-lease", { ...rest, ...given, valueBase64: bytes.toString("base64") }, () => {});
  else call.context.io.stdout.write(bytes);
}

/** What `creds` takes for the other providers, and means nothing for a secret. */
const OTHERS = { role: "role", readOnly: "read-only", minTtl: "min-ttl", audience: "audience" } as const;
const AWS_ONLY = { profile: "profile", tokenFile: "token-file", mfaToken: "mfa-token" } as const;

/** The name given with `--provider secret`; undefined for another provider. @throws CloisterError USAGE */
export function secretAskedFor(flags: Flags): string | undefined {
  const name = flags.text("name");
  if (flags.choice("provider", ["secret"]) === undefined) {
    if (name === undefined) return undefined;
    throw new CloisterError("USAGE", "--name is for a secret", { next: `--provider secret --name ${shellWord(name)}` });
  }
  const others = Object.entries({ ...OTHERS, ...AWS_ONLY });
  const [, other] = others.find(([key]) => flags.text(key) !== undefined || flags.on(key)) ?? [];
  if (other !== undefined) {
    throw new CloisterError("USAGE", `--${other} means nothing for a secret`, {
      why: "a secret is one value, the same for everybody who may read it",
      next: `leave out --${other}`,
    });
  }
  if (name !== undefined) return name;
  throw new CloisterError("USAGE", "--provider secret needs the name of one", {
    next: "--provider secret --name NAME   (cloister secret list)",
  });
}
