import { type Kms, kmsOver } from "../keys/kms.ts";
import type { ProjectConfig } from "./config.ts";
import type { Host } from "./host.ts";

/**
 * KMS as the store in a bucket is reached: in the role that was chosen for this device (`creds use`), else with what the
 * AWS SDK finds by itself: environment, profile, IAM Identity Center, instance role.
 * @param config of the project; undefined where there is none yet
 */
export function kmsOf(host: Host, config?: Pick<ProjectConfig, "project" | "pin" | "profile">): Kms {
  return kmsOver(async () => {
    // A project that is only being made has no role yet.
    if (!config?.project) return { profile: config?.profile };
    const { ownCredentials } = await import("./creds/own-access.ts");
    return { profile: config.profile, credentials: await ownCredentials(host, config) };
  }, host.signal);
}
