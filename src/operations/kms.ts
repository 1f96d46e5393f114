import { type Kms, kmsOver } from "../keys/kms.ts";
import type { Host } from "./host.ts";

/**
 * KMS with the credentials that the AWS SDK finds by itself: environment, profile, IAM Identity Center, instance role.
 * @param profile that the project's bucket is reached with, too
 */
export function kmsOf(host: Host, profile?: string): Kms {
  return kmsOver({ profile }, host.signal);
}
