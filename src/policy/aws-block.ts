// The `aws:` part of a new policy file.
import { quoted } from "./template.ts";

/** Where a new project lies in AWS. */
export interface AwsPlace {
  readonly account: string;
  readonly region: string;
  readonly bucket: string;
  readonly prefix: string;
  /** ARN of the key that class keys are under; undefined where members hold them. */
  readonly kms: string | undefined;
}

/** The text of the part. */
export function awsBlock({ account, region, bucket, prefix, kms }: AwsPlace): string {
  const lines = [
    `account: ${JSON.stringify(account)}`,
    `region: ${JSON.stringify(region)}`,
    `bucket: ${quoted(bucket)}`,
    ...(prefix === "" ? [] : [`prefix: ${quoted(prefix)}`]),
    ...(kms === undefined ? [] : [`kms: ${quoted(kms)}   # the keys of classes are under this one`]),
  ];
  return `
aws:                             # where the project lies: cloister policy export aws
${lines.map((line) => `  ${line}\n`).join("")}`;
}
