import { type Kms, kmsOver } from "../keys/kms.ts";
import type { Host } from "./host.ts";

/** KMS with the credentials that the AWS SDK finds by itself: environment, profile, IAM Identity Center, instance role. */
export function kmsOf(host: Host): Kms {
  return kmsOver({}, host.signal);
}
