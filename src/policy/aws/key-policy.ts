// The policy of a KMS key: who administers it, which roles use it in which encryption contexts, nobody else.
import { kmsKeyOf } from "../kms-key.ts";
import type { Policy } from "../schema.ts";
import { documentOf, one, type PolicyDocument, type Statement } from "./document.ts";
import { holdingsOf } from "./holders.ts";
import { awsOf, plain, roleArnOf } from "./names.ts";
import { permissionsOf } from "./permissions.ts";
import { reachOf } from "./reach.ts";
import { suspendedStatements } from "./suspended.ts";

/** What keeps a key alive. Nothing here opens a ciphertext, nor does it hand that on: `kms:CreateGrant` would. */
const ADMINISTRATION = [
  "kms:CancelKeyDeletion",
  "kms:CreateAlias",
  "kms:Delete*",
  "kms:Describe*",
  "kms:Disable*",
  "kms:Enable*",
  "kms:Get*",
  "kms:List*",
  "kms:Put*",
  "kms:Revoke*",
  "kms:ScheduleKeyDeletion",
  "kms:TagResource",
  "kms:UntagResource",
  "kms:Update*",
];
const USE = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"];

/** ARNs of the keys that classes lie under, in the order of the classes. */
export function keysOf(policy: Policy): readonly string[] {
  const keys = policy.classifications.map((name) => kmsKeyOf(policy, name));
  return [...new Set(keys.filter((key) => key !== undefined))];
}

export function keyPolicy(policy: Policy, key: string): PolicyDocument {
  const [, partition = "", , , account = ""] = key.split(":");
  return documentOf([
    {
      Sid: "Administration",
      Effect: "Allow",
      Principal: { AWS: `arn:${partition}:iam::${account}:root` },
      Action: ADMINISTRATION,
      Resource: "*",
    },
    ...uses(policy, key),
    {
      Sid: "OnlyInThisProject",
      Effect: "Deny",
      Principal: "*",
      Action: USE,
      Resource: "*",
      // What has no context at all is refused, too: a negated condition holds where its key is missing.
      Condition: { StringNotEquals: { "kms:EncryptionContext:project": plain(policy.projectId) } },
    },
    ...suspendedStatements(policy, "kms:*", "*"),
  ]);
}

/** What each role's own policy says of this key, for the roles together that say the same. */
function uses(policy: Policy, key: string): readonly Statement[] {
  const shared = new Map<string, { readonly statement: Statement; readonly roles: string[] }>();
  for (const role of policy.roles) {
    const reach = reachOf(policy, holdingsOf(policy, role));
    for (const { statement } of permissionsOf(policy, reach, {
      creates: true,
      publishes: true,
      whole: true,
      bare: false,
      terse: false,
    })) {
      if (statement.Resource !== key) continue;
      const use = JSON.stringify(statement);
      const known = shared.get(use) ?? { statement, roles: [] };
      known.roles.push(roleArnOf(awsOf(policy), role));
      shared.set(use, known);
    }
  }
  return [...shared.values()].map(({ statement: { Action, Condition = {} }, roles }) => ({
    Effect: "Allow",
    Principal: { AWS: one(roles) },
    Action,
    Resource: "*",
    Condition,
  }));
}
