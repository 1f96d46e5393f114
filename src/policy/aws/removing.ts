// What a role deletes in a bucket: little, and never what is evidence. Sessions of less than the role delete nothing.
import type { Policy, Role } from "../schema.ts";
import { one, type Statement } from "./document.ts";
import { holdersOf, holdingsOf } from "./holders.ts";
import { awsOf, bucketArnOf, keyOf, objectArnOf, PATTERNS } from "./names.ts";
import { type Place, reachOf } from "./reach.ts";
import { sessionsOf } from "./sessions-of.ts";

/**
 * The values of a secret that is removed, by whoever may set it; the keys of a version that is shredded, with what was
 * released of them, by whoever may retire it; join requests, by whoever answers them; what an owner proposed or signed; and
 * what no version needs, which names cannot tell from the rest, by whoever may clean the store up.
 */
export function removing(policy: Policy, role: Role): readonly Statement[] {
  const aws = awsOf(policy);
  const { writeSecrets, end, admit, collect } = reachOf(policy, holdingsOf(policy, role));
  const names = [
    ...writeSecrets.map(PATTERNS.secrets),
    ...end.map(PATTERNS.wraps),
    ...(end.length > 0 ? [PATTERNS.releases] : []),
    ...(admit ? [PATTERNS.joins] : []),
    ...(collect ? COLLECTED : []),
  ];
  const resources = names.map((name) => objectArnOf(aws, name));
  return [
    ...(names.length > 0 ? [{ Effect: "Allow", Action: "s3:DeleteObject", Resource: one(resources) } as const] : []),
    ...finding(policy, end),
    ...(collect ? lookingThrough(policy) : []),
    ...withdrawing(policy, role),
  ];
}

/** What garbage collection deletes. Records stay: they say that a number was given. */
const COLLECTED = [PATTERNS.allPacks, PATTERNS.allSeals, PATTERNS.allWraps, PATTERNS.condemned];

/** Garbage is what is there and not needed, and what somebody began to upload. */
function lookingThrough(policy: Policy): readonly Statement[] {
  const aws = awsOf(policy);
  const prefixes = COLLECTED.map((name) => keyOf(aws, name));
  return [
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: bucketArnOf(aws),
      Condition: { StringLike: { "s3:prefix": one(prefixes) } },
    },
    { Effect: "Allow", Action: "s3:ListBucketMultipartUploads", Resource: bucketArnOf(aws) },
    { Effect: "Allow", Action: "s3:AbortMultipartUpload", Resource: objectArnOf(aws, PATTERNS.everything) },
  ];
}

/** Which keys of a version there are, its store knows alone. */
function finding(policy: Policy, end: readonly Place[]): readonly Statement[] {
  if (end.length === 0) return [];
  const aws = awsOf(policy);
  const prefixes = end.map((place) => keyOf(aws, PATTERNS.wraps(place)));
  return [
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: bucketArnOf(aws),
      Condition: { StringLike: { "s3:prefix": one(prefixes) } },
    },
  ];
}

/** Signatures are given, and taken back, by right of being an owner. */
function withdrawing(policy: Policy, role: Role): readonly Statement[] {
  const holders = holdersOf(policy, role);
  const owners = holders.filter(({ id }) => policy.owners.members.includes(id));
  if (owners.length === 0) return [];
  const remove: Statement = {
    Effect: "Allow",
    Action: "s3:DeleteObject",
    Resource: objectArnOf(awsOf(policy), PATTERNS.proposals),
  };
  if (owners.length === holders.length) return [remove];
  return sessionsOf(owners.map(({ id }) => id)).map((theirs) => ({ ...remove, Condition: theirs }));
}
