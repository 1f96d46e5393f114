// What people need before they are in a role: to join, and to assume the role that trusts them.

import type { Policy } from "../schema.ts";
import { documentOf, one, type PolicyDocument } from "./document.ts";
import { awsOf, bucketArnOf, keyOf, objectArnOf, PATTERNS, roleArnOf } from "./names.ts";
import type { IamRole } from "./role.ts";

/** What whoever joins reads: all of it is readable without a key. */
const JOINING = [PATTERNS.format, PATTERNS.policies, PATTERNS.commits, PATTERNS.epochs];

/** For the group, or the permission set, of everybody who works here. Which role trusts whom is each role's to say. */
export function peoplePolicy(policy: Policy, roles: readonly IamRole[]): PolicyDocument {
  const aws = awsOf(policy);
  const listed = JOINING.filter((pattern) => pattern.endsWith("/*")).map((pattern) => keyOf(aws, pattern));
  return documentOf([
    {
      Sid: "Assume",
      Effect: "Allow",
      Action: ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
      Resource: one(roles.map(({ role }) => roleArnOf(aws, role))),
    },
    {
      Sid: "Join",
      Effect: "Allow",
      Action: "s3:GetObject",
      Resource: JOINING.map((pattern) => objectArnOf(aws, pattern)),
    },
    {
      Sid: "JoinList",
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: bucketArnOf(aws),
      Condition: { StringLike: { "s3:prefix": listed } },
    },
  ]);
}
