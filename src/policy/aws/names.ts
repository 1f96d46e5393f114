// How the project's things are called in AWS: roles, the bucket, patterns of objects in it.
import { CloisterError } from "../../base/errors.ts";
import type { AwsSettings, Policy, Role } from "../schema.ts";
import type { Place } from "./reach.ts";

/** The partition that a region lies in, as ARNs name it. */
export function partitionOf(region: string): "aws" | "aws-cn" | "aws-us-gov" {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** @throws {@link CloisterError} USAGE where the policy says nothing about AWS */
export function awsOf(policy: Policy): AwsSettings {
  if (policy.aws) return policy.aws;
  throw new CloisterError("USAGE", "the policy says nothing about AWS", {
    why: "it has no aws part, which names account, region and bucket",
    next: "add aws: { account: …, region: …, bucket: … } to cloister.policy.yaml, then: cloister policy propose",
  });
}

/** Name of the IAM role that stands for a role of the project. */
export function roleNameOf(aws: AwsSettings, role: Pick<Role, "id">): string {
  return `${aws.rolePrefix}${role.id}`;
}

export function roleArnOf(aws: AwsSettings, role: Pick<Role, "id">): string {
  return `arn:${partitionOf(aws.region)}:iam::${aws.account}:role/${roleNameOf(aws, role)}`;
}

export function bucketArnOf(aws: AwsSettings): string {
  return `arn:${partitionOf(aws.region)}:s3:::${aws.bucket}`;
}

/** Key, or pattern of keys, in the bucket. */
export function keyOf(aws: AwsSettings, name: string): string {
  return aws.prefix === "" ? name : `${aws.prefix}/${name}`;
}

export function objectArnOf(aws: AwsSettings, name: string): string {
  return `${bucketArnOf(aws)}/${keyOf(aws, name)}`;
}

/**
 * Patterns of names (docs/store-format.md) with the wildcards of IAM: `*` is any text, `?` any one character, and both
 * may be `/`. No pattern is wider than what it stands for, among all names that the format has.
 */
export const PATTERNS = {
  format: "cloister",
  policies: "policy/*",
  proposals: "proposals/*",
  epochs: "epochs/*",
  keyFiles: "keys/*",
  commits: "log/commit/*",
  condemned: "condemned/*",
  requests: "requests/*",
  releases: "releases/*",
  joins: "joins/*",
  /** Records of versions, of every domain. */
  records: "versions/*",
  /** Packs, seals and wraps of every place. */
  allPacks: "packs/*",
  allSeals: "seals/*",
  allWraps: "wraps/*",
  /** Of every project in the bucket's prefix, whatever it is. */
  everything: "*",
  /** `cloister` and `condemned/*`: nothing else begins with this letter. */
  formatAndCondemned: "c*",
  /** `policy/*` and `epochs/*`: besides, key files and tags of a domain of one letter have a slash there. */
  policiesAndEpochs: "??????/*",
  /** `requests/*` and `releases/*`. */
  requestsAndReleases: "re*",
  versions: (domain: string): string => `versions/${plain(domain)}/*`,
  tags: (domain: string): string => `tags/${plain(domain)}/*`,
  /** Packs, seals and wraps of a place: `joins/` has five letters, too, but no place behind them. */
  contents: (place: Place): string => `?????/${path(place)}/*`,
  packs: (place: Place): string => `packs/${path(place)}/*`,
  seals: (place: Place): string => `seals/${path(place)}/*`,
  /** Keys of headers and manifests, not those of contents. */
  metadataKeys: (place: Place): string => `wraps/${path(place)}/*/metadata`,
  /** Keys of headers, manifests and contents. */
  wraps: (place: Place): string => `wraps/${path(place)}/*`,
  /** One half of the keys of contents, for whichever device. */
  halves: (place: Place, half: string): string => `wraps/${path(place)}/*/${plain(half)}/*`,
  /** Keys of headers and manifests, under those of contents. */
  glass: (place: Place): string => `wraps/${path(place)}/*/glass`,
  statements: (place: Place): string => `statements/${path(place)}/*`,
  secrets: (place: Place): string => `secrets/${path(place)}/*`,
} as const;

function path(place: Place): string {
  return `${plain(place.domain)}/${plain(place.class)}`;
}

/**
 * A name as part of a pattern. Policies that were read have no other names; this stops whatever came here otherwise, because
 * a wildcard or a variable (`${aws:username}`) would mean something to IAM.
 */
export function plain(name: string): string {
  if (/^[a-z0-9][a-z0-9._-]*$/.test(name)) return name;
  throw new CloisterError("FAILURE", `${JSON.stringify(name)} cannot be a part of an IAM policy`);
}
