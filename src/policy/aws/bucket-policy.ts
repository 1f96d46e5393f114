// The bucket's policy: it allows nothing, and refuses what no role of the account may do whatever its own policy says.
import type { Policy } from "../schema.ts";
import { documentOf, one, type PolicyDocument, type Statement } from "./document.ts";
import { halfPlaces } from "./halves.ts";
import { holdersOf, holdingsOf } from "./holders.ts";
import { awsOf, bucketArnOf, objectArnOf, PATTERNS, roleArnOf } from "./names.ts";
import { includes } from "./permissions.ts";
import { type Place, placesOf, type Reach, reachOf } from "./reach.ts";
import { suspendedStatements } from "./suspended.ts";

const WHOLE = "*";
const READ = ["s3:GetObject", "s3:GetObjectVersion"];
const WRITE = ["s3:PutObject", "s3:DeleteObject"];
/** What says what happened, and what the log names by its digest. */
const EVIDENCE = [
  PATTERNS.format,
  "log/*",
  PATTERNS.policies,
  PATTERNS.epochs,
  "versions/*",
  PATTERNS.requests,
  "statements/*",
  "tags/*",
];

export function bucketPolicy(policy: Policy): PolicyDocument {
  const aws = awsOf(policy);
  const objects = objectArnOf(aws, WHOLE);
  const both = [bucketArnOf(aws), objects];
  return documentOf([
    {
      Sid: "OnlyTls",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: both,
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    },
    {
      Sid: "WriteOnce",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: objects,
      // Parts of an upload come without the header; the request that completes it, which makes the object, with it.
      Condition: { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } },
    },
    {
      Sid: "NeverDeleted",
      Effect: "Deny",
      Principal: "*",
      Action: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
      Resource: EVIDENCE.map((name) => objectArnOf(aws, name)),
    },
    {
      Sid: "OnlyRolesWrite",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:PutObject",
      Resource: objects,
      Condition: unless(
        policy.roles.filter((role) => holdersOf(policy, role).length > 0).map((role) => roleArnOf(aws, role)),
      ),
    },
    ...byPlace(
      policy,
      READ,
      PATTERNS.contents,
      copying(policy, ({ read, describe, halves }) => [...read, ...describe, ...halves]),
    ),
    ...writingContents(policy),
    ...byPlace(
      policy,
      READ,
      PATTERNS.statements,
      copying(policy, ({ read, describe }) => [...read, ...describe]),
    ),
    ...byPlace(policy, ["s3:PutObject"], PATTERNS.statements, ({ attest }) => attest),
    ...byPlace(
      policy,
      READ,
      PATTERNS.secrets,
      copying(policy, ({ readSecrets }) => readSecrets),
    ),
    ...byPlace(policy, WRITE, PATTERNS.secrets, ({ writeSecrets }) => writeSecrets),
    ...suspendedStatements(policy, "s3:*", both),
  ]);
}

/** What a role reaches in a bucket. */
interface RoleReach extends Reach {
  /** Where its holders hold halves of keys. */
  readonly halves: readonly Place[];
}

/** Also for those who copy the store, sealed as it is. */
function copying(policy: Policy, reached: (reach: RoleReach) => readonly Place[]) {
  return (reach: RoleReach): readonly Place[] => (reach.copy ? placesOf(policy) : reached(reach));
}

/**
 * Whoever pushes, and whoever hands halves of keys on; where somebody may end versions, they delete keys of theirs, too, and
 * whoever cleans the store up deletes what nobody needs, wherever it lies. How far, their role says.
 */
function writingContents(policy: Policy): readonly Statement[] {
  const creating = ({ push, halves }: RoleReach) => [...push, ...halves];
  if (!policy.roles.some(({ can }) => can.includes("artifact.retire") || can.includes("store.gc"))) {
    return byPlace(policy, WRITE, PATTERNS.contents, creating);
  }
  return [
    ...byPlace(policy, ["s3:PutObject"], PATTERNS.contents, creating),
    ...byPlace(policy, ["s3:DeleteObject"], PATTERNS.contents, (reach) =>
      reach.collect ? placesOf(policy) : [...creating(reach), ...reach.end],
    ),
  ];
}

/** For each class, only the roles that reach it; classes with the same roles share a statement. */
function byPlace(
  policy: Policy,
  actions: readonly string[],
  pattern: (place: Place) => string,
  reached: (reach: RoleReach) => readonly Place[],
): readonly Statement[] {
  const aws = awsOf(policy);
  const reaches = policy.roles.map((role) => ({
    role,
    reach: { ...reachOf(policy, holdingsOf(policy, role)), halves: halfPlaces(policy, role) },
  }));
  const groups = new Map<string, { readonly roles: readonly string[]; readonly places: Place[] }>();
  for (const place of placesOf(policy)) {
    const roles = reaches
      .filter(({ reach }) => includes(reached(reach), place))
      .map(({ role }) => roleArnOf(aws, role));
    const group = groups.get(roles.join()) ?? { roles, places: [] };
    group.places.push(place);
    groups.set(roles.join(), group);
  }
  return [...groups.values()].map(({ roles, places }) => ({
    Effect: "Deny",
    Principal: "*",
    Action: one(actions),
    Resource: one(places.map((place) => objectArnOf(aws, pattern(place)))),
    ...(roles.length === 0 ? {} : { Condition: unless(roles) }),
  }));
}

/** A session of a role counts as the role: `aws:PrincipalArn` is the role's ARN. */
function unless(roles: readonly string[]): {
  readonly ArnNotEquals: Readonly<Record<string, string | readonly string[]>>;
} {
  return { ArnNotEquals: { "aws:PrincipalArn": one(roles) } };
}
