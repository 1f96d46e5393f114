// The export as Terraform in its JSON syntax (developer.hashicorp.com/terraform/language/syntax/json). Documents stay in
// files of their own: Terraform would take their `${…}` for its own templates.
import type { Json } from "../../base/json.ts";
import type { Policy } from "../schema.ts";
import { BUCKET_FILE, keyFile, keyId, PEOPLE_FILE, permissionsFile, ROLE_POLICY_NAME, trustFile } from "./files.ts";
import { awsOf } from "./names.ts";
import type { IamRole } from "./role.ts";

export function terraform(policy: Policy, roles: readonly IamRole[], keys: readonly string[]): Json {
  const aws = awsOf(policy);
  const blocks = <T>(things: readonly T[], label: (thing: T) => string, body: (thing: T) => Json): Json =>
    Object.fromEntries(things.map((thing) => [label(thing), body(thing)]));
  const labelOf = ({ role }: IamRole): string => labelled(role.id);
  // KMS refuses a policy that names a role which is not there yet. The bucket's comes last: from then on only roles write.
  const everyRole = roles.map((role) => `aws_iam_role.${labelOf(role)}`);
  const ofRoles = roles.map((role) => `aws_iam_role_policy.${labelOf(role)}`);
  const ofKeys = blocks(
    keys,
    (key) => labelled(keyId(key)),
    (key) => ({ key_id: key, policy: contentOf(keyFile(key)), depends_on: everyRole }),
  );
  const resource = {
    aws_iam_role: blocks(roles, labelOf, ({ role, name, maxSessionSeconds }) => ({
      ...{ name, assume_role_policy: contentOf(trustFile(role)), max_session_duration: maxSessionSeconds },
    })),
    aws_iam_role_policy: blocks(roles, labelOf, ({ role }) => ({
      ...{
        name: ROLE_POLICY_NAME,
        role: `\${aws_iam_role.${labelled(role.id)}.name}`,
        policy: contentOf(permissionsFile(role)),
      },
    })),
    aws_iam_policy: { people: { name: `${aws.rolePrefix}people`, policy: contentOf(PEOPLE_FILE) } },
    aws_s3_bucket_policy: { store: { bucket: aws.bucket, policy: contentOf(BUCKET_FILE), depends_on: ofRoles } },
    ...(keys.length > 0 ? { aws_kms_key_policy: ofKeys } : {}),
  };
  return { "//": "Written by cloister policy export aws: export again instead of editing.", resource };
}

function contentOf(file: string): string {
  return `\${file("\${path.module}/${file}")}`;
}

/** A name as a label, each its own: labels have no dots and begin with a letter. */
function labelled(name: string): string {
  return `x-${name.replaceAll("_", "__").replaceAll(".", "_-")}`;
}
