// Everything that AWS has to know of the policy, as files: documents of IAM, KMS and S3, and Terraform that applies them.
import { CloisterError } from "../../base/errors.ts";
import type { Policy } from "../schema.ts";
import { bucketPolicy } from "./bucket-policy.ts";
import type { PolicyDocument } from "./document.ts";
import { BUCKET_FILE, keyFile, keyId, PEOPLE_FILE, permissionsFile, TERRAFORM_FILE, trustFile } from "./files.ts";
import { keyPolicy, keysOf } from "./key-policy.ts";
import { awsOf, roleNameOf } from "./names.ts";
import { peoplePolicy } from "./people.ts";
import { type IamRole, iamRole } from "./role.ts";
import { terraform } from "./terraform.ts";

/** One document that AWS keeps. */
export interface Deployable {
  /** `role permissions of data-scientist`, for people. */
  readonly title: string;
  /** Path below the folder of the export. */
  readonly file: string;
  readonly document: PolicyDocument;
  /** Characters that AWS counts, and takes at most. */
  readonly chars: number;
  readonly charsMax: number;
}

export interface AwsExport {
  readonly roles: readonly IamRole[];
  readonly keys: readonly string[];
  readonly documents: readonly Deployable[];
  /** Every file with its text, in order; the same policy gives the same bytes. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
  /** What the documents cannot hold, or what somebody has to know who applies them. */
  readonly notes: readonly string[];
}

/** docs.aws.amazon.com/IAM, "IAM and AWS STS quotas"; Amazon S3 and AWS KMS, quotas. */
const CHARS_MAX = { permissions: 10_240, trust: 4096, managed: 6144, bucket: 20_480, key: 32_768 } as const;
/** A trust policy may be this long unless the account's quota was raised. */
const TRUST_CHARS_DEFAULT = 2048;

/** @throws {@link CloisterError} USAGE where the policy names no AWS, or a document is longer than AWS takes */
export function exportAws(policy: Policy): AwsExport {
  const roles = policy.roles.map((role) => iamRole(policy, role)).filter((role) => role !== undefined);
  const keys = keysOf(policy);
  const documents = [
    ...roles.flatMap((role) => [
      deployable(
        `permissions of role ${role.role.id}`,
        permissionsFile(role.role),
        role.permissions,
        CHARS_MAX.permissions,
      ),
      deployable(`trust of role ${role.role.id}`, trustFile(role.role), role.trust, CHARS_MAX.trust),
    ]),
    deployable("policy for everybody who works here", PEOPLE_FILE, peoplePolicy(policy, roles), CHARS_MAX.managed),
    deployable("bucket policy", BUCKET_FILE, bucketPolicy(policy), CHARS_MAX.bucket),
    ...keys.map((key) =>
      deployable(`policy of key ${keyId(key)}`, keyFile(key), keyPolicy(policy, key), CHARS_MAX.key),
    ),
  ];
  const long = documents.find(({ chars, charsMax }) => chars > charsMax);
  if (long) throw tooLong(long);
  return {
    ...{ roles, keys, documents },
    files: [
      ...documents.map(({ file, document }) => ({ file, text: jsonText(document) })),
      { file: TERRAFORM_FILE, text: jsonText(terraform(policy, roles, keys)) },
    ],
    notes: notesOn(policy, documents),
  };
}

function deployable(title: string, file: string, document: PolicyDocument, charsMax: number): Deployable {
  return { title, file, document, chars: JSON.stringify(document).length, charsMax };
}

function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function tooLong({ title, chars, charsMax }: Deployable): CloisterError {
  return new CloisterError("USAGE", `too long for AWS: ${title}`, {
    why: `${String(chars)} characters, of at most ${String(charsMax)}`,
    next: "split the project, or the role; shorter names of bucket, prefix, domains and classes help",
  });
}

function notesOn(policy: Policy, documents: readonly Deployable[]): readonly string[] {
  const aws = awsOf(policy);
  const nobody = policy.roles.filter((role) => iamRole(policy, role) === undefined);
  const trusts = documents.filter(({ charsMax, chars }) => charsMax === CHARS_MAX.trust && chars > TRUST_CHARS_DEFAULT);
  const unseen = policy.rules.filter((rule) => rule.kinds !== undefined || rule.refuse === undefined);
  const mfa = policy.mfaWithin.some(({ action }) => action === "creds.issue");
  return [
    `give ${aws.bucket} versioning, and Object Lock where the account's owner must not be able to delete either`,
    "encrypt the bucket with S3's own keys, or with a KMS key other than the ones here: these refuse every other use",
    ...nobody.map((role) => `nobody holds role ${role.id}: no IAM role ${roleNameOf(aws, role)} is made`),
    ...trusts.map(
      ({ title, chars }) =>
        `the ${title} has ${String(chars)} characters: raise the quota for trust policies from 2048`,
    ),
    ...unseen.map(
      (rule) =>
        `rule ${rule.id} (line ${String(rule.line)}) is about facts that AWS does not see: Cloister alone enforces it`,
    ),
    ...(mfa && policy.login
      ? [
          `AWS does not see when a token of ${policy.login.issuer} was given a second factor: have the provider demand it for ${policy.login.client}`,
        ]
      : []),
  ];
}
