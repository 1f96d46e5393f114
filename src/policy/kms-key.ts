import type { Policy } from "./schema.ts";

/** ARN of the KMS key that a class lies under; undefined where its members hold its keys themselves. */
export function kmsKeyOf({ aws }: Policy, klass: string): string | undefined {
  return aws?.kmsByClass.find((each) => each.class === klass)?.key ?? aws?.kms;
}
