// The `aws:` part of the policy file: where the project lies in AWS. Strict forms, because policies of IAM are made of
// these texts: no wildcard and no separator may slip into an ARN.

import { partitionOf } from "./aws/names.ts";
import { keysOf } from "./file-keys.ts";
import type { Place, Problems } from "./problem.ts";
import type { Names } from "./read.ts";
import type { AwsSettings, Role } from "./schema.ts";
import { references, Section } from "./section.ts";
import { quote, type Tree } from "./yaml-tree.ts";

const ACCOUNT = /^\d{12}$/;
/** Regions of the partitions `aws`, `aws-cn` and `aws-us-gov`: the isolated ones have other endpoints altogether. */
const REGION = /^(?!us-iso|eu-isoe)[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}$/;
/** docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html, general purpose buckets. */
const BUCKET =
  /^(?!xn--|sthree-|amzn-s3-demo-|\d{1,3}(?:\.\d{1,3}){3}$)(?!.*\.\.)(?!.*(?:-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Segments as names of objects have them (docs/store-format.md). */
const PREFIX = /^(?=.{1,200}$)[A-Za-z0-9_-][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;
const KEY =
  /^arn:(?:aws|aws-cn|aws-us-gov):kms:([a-z0-9-]+):\d{12}:key\/(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/;
const KEY_EXAMPLE = "arn:aws:kms:REGION:ACCOUNT:key/ID: the key itself, because an alias can be pointed elsewhere";
/** Names of IAM roles: at most 64 of these. */
const ROLE_PREFIX = /^[A-Za-z0-9_+=,.@-]{1,63}$/;
const ROLE_NAME_MAX = 64;
/** AWS STS issues nothing shorter. */
const SESSION_MIN_MS = 900_000;

export function readAws(
  tree: Tree | undefined,
  file: { readonly project: string; readonly names: Names; readonly roles: readonly Role[] },
  problems: Problems,
): AwsSettings | undefined {
  if (!tree) return undefined;
  const section = new Section(tree, "aws", keysOf("aws"), [], problems);
  const region = section.formed("region", REGION, "eu-west-1");
  const settings = {
    line: section.place.line,
    account: section.formed("account", ACCOUNT, '"111122223333": 12 digits in quotes'),
    region,
    bucket: section.formed("bucket", BUCKET, "acme-ml: 3 to 63 of a-z 0-9 . - by the naming rules of S3"),
    prefix: section.has("prefix")
      ? section.formed("prefix", PREFIX, "team/churn, without / at its ends and without ..")
      : "",
    rolePrefix: section.has("role-prefix")
      ? section.formed("role-prefix", ROLE_PREFIX, "cloister-churn-: 1 to 63 of A-Z a-z 0-9 + = , . @ _ -")
      : `cloister-${file.project}-`,
    kms: section.has("kms") ? readKey(section, "kms", region, problems) : undefined,
    kmsByClass: readKeysByClass(section.optional("kms-by-class"), region, file.names, problems),
  };
  checkRoles(settings, file.roles, section.placeOf("role-prefix"), problems);
  return settings;
}

/** A key may belong to another account, as that of a security team; the region must be the one that KMS is called in. */
function readKey(section: Section, name: string, region: string, problems: Problems): string {
  const arn = section.formed(name, KEY, KEY_EXAMPLE);
  const [, partition, , ofKey] = arn.split(":");
  if (arn === "" || region === "") return arn;
  if (ofKey !== region) {
    problems.error(
      section.placeOf(name),
      `the key is in ${ofKey ?? ""}, and aws.region is ${region}`,
      "KMS is called in aws.region only",
    );
  } else if (partition !== partitionOf(region)) {
    problems.error(
      section.placeOf(name),
      `${region} is in the partition ${partitionOf(region)}, not ${partition ?? ""}`,
    );
  }
  return arn;
}

function readKeysByClass(
  tree: Tree | undefined,
  region: string,
  names: Names,
  problems: Problems,
): AwsSettings["kmsByClass"] {
  if (!tree) return [];
  const what = "kms-by-class";
  const entries = tree.kind === "map" ? tree.entries : [];
  const keys = entries.map(({ key }) => key);
  const section = new Section(tree, what, keys, [], problems);
  return entries.flatMap(({ key: name, place }) => {
    const known = references([{ value: name, ...place }], "classification", names.classes, problems);
    const key = readKey(section, name, region, problems);
    return known.map(({ value }) => ({ class: value, key }));
  });
}

/** What IAM and STS would refuse later: role names that are too long or have other characters, sessions too short. */
function checkRoles(aws: AwsSettings, roles: readonly Role[], place: Place, problems: Problems): void {
  for (const { id, line, credentialTtlMs } of roles) {
    const name = `${aws.rolePrefix}${id}`;
    if (aws.rolePrefix !== "" && !(ROLE_PREFIX.test(aws.rolePrefix) && name.length <= ROLE_NAME_MAX)) {
      problems.error(
        place,
        `${quote(name)} cannot be an IAM role`,
        "give a role-prefix: a role has at most 64 of A-Z a-z 0-9 + = , . @ _ -",
      );
    }
    if (credentialTtlMs !== undefined && credentialTtlMs < SESSION_MIN_MS) {
      problems.error(
        { line, column: 1 },
        `role ${id} has a credentials ttl below 15m, and AWS issues no shorter session`,
      );
    }
  }
}
