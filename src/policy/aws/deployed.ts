// What is deployed, as the `aws` program prints it, held against what the export would be.
import type { Json } from "../../base/json.ts";
import type { Policy } from "../schema.ts";
import { isObject } from "./canonical.ts";
import { type Difference, differences } from "./drift.ts";
import type { AwsExport } from "./export.ts";
import { BUCKET_FILE, keyFile, permissionsFile, ROLE_POLICY_NAME, trustFile } from "./files.ts";
import { awsOf } from "./names.ts";
import type { IamRole } from "./role.ts";

/** One thing to read from AWS: the command that prints it, and the file that its output goes to. */
export interface Reading {
  readonly file: string;
  readonly command: string;
  readonly title: string;
  /** What is different, or undefined where the output is of another form. */
  readonly compare: (output: { readonly [key: string]: Json | undefined }) => readonly Difference[];
}

/** Everything that {@link exportAws} writes, and what could stand beside it. */
export function readingsOf(policy: Policy, exported: AwsExport): readonly Reading[] {
  const { bucket } = awsOf(policy);
  const documentOf = (file: string) => {
    const found = exported.documents.find((each) => each.file === file);
    if (!found) throw new Error(`no document ${file}`);
    return found;
  };
  const plain = (file: string, command: string): Reading => {
    const { title, document } = documentOf(file);
    return { file, command, title, compare: ({ Policy: deployed }) => differences(document, deployed, title) };
  };
  return [
    ...exported.roles.flatMap((role) => ofRole(role, documentOf)),
    plain(BUCKET_FILE, `aws s3api get-bucket-policy --bucket ${bucket}`),
    ...exported.keys.map((key) => plain(keyFile(key), `aws kms get-key-policy --key-id ${key} --policy-name default`)),
  ];
}

function ofRole(role: IamRole, documentOf: (file: string) => AwsExport["documents"][number]): readonly Reading[] {
  const trust = documentOf(trustFile(role.role));
  const permissions = documentOf(permissionsFile(role.role));
  const about = (more: string): string => `role-${role.role.id}.${more}.json`;
  return [
    {
      file: trust.file,
      command: `aws iam get-role --role-name ${role.name}`,
      title: trust.title,
      compare: ({ Role: deployed }) => {
        const { AssumeRolePolicyDocument: document, MaxSessionDuration: seconds } = isObject(deployed) ? deployed : {};
        return [...differences(trust.document, document, trust.title), ...longer(role, seconds)];
      },
    },
    {
      file: permissions.file,
      command: `aws iam get-role-policy --role-name ${role.name} --policy-name ${ROLE_POLICY_NAME}`,
      title: permissions.title,
      compare: ({ PolicyDocument: document }) => differences(permissions.document, document, permissions.title),
    },
    {
      file: about("inline"),
      command: `aws iam list-role-policies --role-name ${role.name}`,
      title: `inline policies of role ${role.role.id}`,
      compare: ({ PolicyNames: names }) => beside(names, "inline", (each) => each, ROLE_POLICY_NAME),
    },
    {
      file: about("attached"),
      command: `aws iam list-attached-role-policies --role-name ${role.name}`,
      title: `attached policies of role ${role.role.id}`,
      compare: ({ AttachedPolicies: policies }) =>
        beside(policies, "attached", (each) => (isObject(each) ? each["PolicyArn"] : undefined)),
    },
  ];
}

function longer({ maxSessionSeconds }: IamRole, seconds: Json | undefined): readonly Difference[] {
  if (seconds === maxSessionSeconds) return [];
  const direction = typeof seconds === "number" && seconds < maxSessionSeconds ? "narrower" : "wider";
  return [
    { direction, text: `sessions last ${JSON.stringify(seconds)} s at most, not ${String(maxSessionSeconds)} s` },
  ];
}

/** Policies that somebody gave the role besides; what they allow is not known here, and adds to the role. */
function beside(
  listed: Json | undefined,
  what: string,
  nameOf: (each: Json) => Json | undefined,
  own?: string,
): readonly Difference[] {
  if (!Array.isArray(listed)) return [{ direction: "other", text: `the list of ${what} policies is missing` }];
  return (listed as readonly Json[])
    .map(nameOf)
    .filter((name) => name !== own)
    .map((name) => ({ direction: "wider", text: `the role also has the ${what} policy ${JSON.stringify(name)}` }));
}
