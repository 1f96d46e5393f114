// Names of the files of an export, by what they hold.
import type { Role } from "../schema.ts";

/** Name of the inline policy in every role. */
export const ROLE_POLICY_NAME = "cloister";

export const BUCKET_FILE = "bucket-policy.json";
/** Policy of the group of people. */
export const PEOPLE_FILE = "people.json";
export const TERRAFORM_FILE = "cloister.tf.json";

export function permissionsFile(role: Pick<Role, "id">): string {
  return `role-${role.id}.permissions.json`;
}

export function trustFile(role: Pick<Role, "id">): string {
  return `role-${role.id}.trust.json`;
}

/** @param key ARN */
export function keyFile(key: string): string {
  return `key-${keyId(key)}.json`;
}

/** The last part of a key's ARN. */
export function keyId(key: string): string {
  return key.slice(key.lastIndexOf("/") + 1);
}
