// The `aws:` part of a new policy file.
import { quoted } from "./template.ts";

/** The text of the part for a project whose class keys are under one KMS key, in whose account and region it lies. */
export function awsBlock({ kms, bucket, prefix }: { kms: string; bucket: string; prefix: string }): string {
  const [, , , region = "", account = ""] = kms.split(":");
  const at = prefix === "" ? "" : `\n  prefix: ${quoted(prefix)}`;
  return `
aws:                             # where the project lies in AWS; the keys of classes are under the KMS key
  account: ${JSON.stringify(account)}
  region: ${JSON.stringify(region)}
  bucket: ${quoted(bucket)}${at}
  kms: ${quoted(kms)}
`;
}
