// The IAM role that stands for a role of the project: what it may do, and who may act in it.
import type { Member, Policy, Role } from "../schema.ts";
import { type Conditions, documentOf, one, type PolicyDocument, type Statement } from "./document.ts";
import { halfStatements } from "./halves.ts";
import { holdersOf, holdingsOf } from "./holders.ts";
import { awsOf, objectArnOf, partitionOf, plain, roleNameOf } from "./names.ts";
import { permissionsOf } from "./permissions.ts";
import { reachOf } from "./reach.ts";
import { removing } from "./removing.ts";

export interface IamRole {
  readonly role: Role;
  /** Name in IAM. */
  readonly name: string;
  readonly trust: PolicyDocument;
  readonly permissions: PolicyDocument;
  /** Seconds; IAM takes 3,600 to 43,200. */
  readonly maxSessionSeconds: number;
}

const SESSION_SECONDS_MIN = 3600;
const SESSION_SECONDS_MAX = 43_200;

/** Tags that `cloister creds` gives a session. */
const TAGS = ["project", "role", "policy", "purpose"];
/** Tag of whoever assumes a role: which member they are. */
const MEMBER_TAG = "cloister-member";

/** Undefined for a role that nobody holds: IAM has no way to trust nobody. */
export function iamRole(policy: Policy, role: Role): IamRole | undefined {
  const holders = holdersOf(policy, role);
  if (holders.length === 0) return undefined;
  const seconds = Math.floor((role.credentialTtlMs ?? 0) / 1000);
  return {
    role,
    name: roleNameOf(awsOf(policy), role),
    trust: documentOf(trustStatements(policy, role, holders)),
    permissions: documentOf([
      ...allowing(policy, role),
      ...halfStatements(policy, role),
      ...removing(policy, role),
      ...keepingApart(policy, role),
      ...afterTheEnd(policy, role),
    ]),
    maxSessionSeconds: Math.min(SESSION_SECONDS_MAX, Math.max(SESSION_SECONDS_MIN, seconds)),
  };
}

function allowing(policy: Policy, role: Role): readonly Statement[] {
  const reach = reachOf(policy, holdingsOf(policy, role));
  const options = { creates: true, publishes: true, whole: true, bare: false, terse: false };
  return permissionsOf(policy, reach, options).map(({ statement }) => statement);
}

/** The role reaches what any of its holders does; each of them stays in their own domains by their source identity. */
function keepingApart(policy: Policy, role: Role): readonly Statement[] {
  const aws = awsOf(policy);
  const all = holdersOf(policy, role);
  const { copy: copies, collect: collects } = reachOf(policy, holdingsOf(policy, role));
  return policy.domains.flatMap(({ id }): readonly Statement[] => {
    const inside = holdersOf(policy, role, id);
    if (inside.length === 0 || inside.length === all.length) return [];
    const others = { "aws:SourceIdentity": one(inside.map((member) => plain(member.id))) };
    const deny = (kinds: readonly string[], spared: readonly string[]): Statement => ({
      Effect: "Deny",
      Action: ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"].filter((action) => !spared.includes(action)),
      Resource: kinds.map((kind) => objectArnOf(aws, `${kind}/${plain(id)}/*`)),
      Condition: { StringNotEquals: others },
    });
    // Whoever copies the store copies all of it, sealed as it is.
    const copied = copies ? ["s3:GetObject"] : [];
    // Whoever cleans it up knows by the records of all domains what to delete.
    const objects = collects
      ? [
          deny(["?????"], [...copied, "s3:DeleteObject"]),
          deny(["versions"], ["s3:GetObject"]),
          deny(["tags", "statements", "secrets"], copied),
        ]
      : [deny(["?????", "versions", "tags", "statements", "secrets"], copied)];
    if (aws.kms === undefined && aws.kmsByClass.length === 0) return objects;
    const keys: Statement = {
      Effect: "Deny",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      Resource: "*",
      Condition: { StringNotEquals: others, StringEquals: { "kms:EncryptionContext:domain": plain(id) } },
    };
    return [...objects, keys];
  });
}

function trustStatements(policy: Policy, role: Role, holders: readonly Member[]): readonly Statement[] {
  const aws = awsOf(policy);
  const partition = partitionOf(aws.region);
  const members = one(holders.map(({ id }) => plain(id)));
  const assume: Statement = {
    Sid: "Members",
    Effect: "Allow",
    Principal: { AWS: `arn:${partition}:iam::${aws.account}:root` },
    Action: ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
    Condition: {
      ...secondFactor(policy),
      ...inTime(policy, role),
      ...purposes(policy, role),
      StringEquals: {
        "sts:SourceIdentity": members,
        // Nobody takes another's name: the tag is on the user or session that assumes the role.
        [`aws:PrincipalTag/${MEMBER_TAG}`]: `\${sts:SourceIdentity}`,
        "aws:RequestTag/project": plain(policy.projectId),
        "aws:RequestTag/role": plain(role.id),
        ...neededPurpose(policy, role),
      },
      "ForAllValues:StringEquals": { "aws:TagKeys": TAGS },
    },
  };
  return [assume, ...webIdentity(policy, role, holders, members)];
}

/** People whom the provider of `login` knows come with its token, which says who they are. */
function webIdentity(
  policy: Policy,
  role: Role,
  holders: readonly Member[],
  members: string | readonly string[],
): readonly Statement[] {
  const { login } = policy;
  const aws = awsOf(policy);
  const subjects = holders.flatMap(({ oidc }) => (oidc && oidc.issuer === login?.issuer ? [oidc.sub] : []));
  // AWS calls a provider by its issuer without the scheme, and knows none without TLS.
  if (!login?.issuer.startsWith("https://") || subjects.length === 0) return [];
  const provider = login.issuer.slice("https://".length);
  return [
    {
      Sid: "Login",
      Effect: "Allow",
      Principal: { Federated: `arn:${partitionOf(aws.region)}:iam::${aws.account}:oidc-provider/${provider}` },
      Action: ["sts:AssumeRoleWithWebIdentity", "sts:SetSourceIdentity", "sts:TagSession"],
      Condition: {
        ...inTime(policy, role),
        StringEquals: {
          [`${provider}:aud`]: login.audience ?? login.client,
          [`${provider}:sub`]: one(subjects.map(literally)),
        },
        StringEqualsIfExists: { "sts:SourceIdentity": members },
      },
    },
  ];
}

/** Text in which IAM would see a variable, written so that it sees none. */
function literally(text: string): string {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: IAM's spelling of a dollar sign
  return text.replaceAll("${", "${$}{");
}

function secondFactor(policy: Policy): Conditions {
  const needed = policy.mfaWithin.find(({ action }) => action === "creds.issue");
  if (!needed) return {};
  return { NumericLessThanEquals: { "aws:MultiFactorAuthAge": String(Math.floor(needed.withinMs / 1000)) } };
}

/** After the policy's last day nothing is handed out, except to those who can renew it. */
function inTime(policy: Policy, role: Role): Conditions {
  return renews(role) ? {} : { DateLessThan: { "aws:CurrentTime": endOf(policy) } };
}

/** Who renews the policy reads and writes no data meanwhile. */
function afterTheEnd(policy: Policy, role: Role): readonly Statement[] {
  if (!renews(role)) return [];
  const statement: Statement = {
    Effect: "Deny",
    Action: ["s3:GetObject", "s3:PutObject"],
    Resource: ["packs", "seals", "wraps", "statements", "secrets"].map((kind) =>
      objectArnOf(awsOf(policy), `${kind}/*`),
    ),
    Condition: { DateGreaterThanEquals: { "aws:CurrentTime": endOf(policy) } },
  };
  return [statement];
}

function renews(role: Role): boolean {
  return role.can.includes("policy.change");
}

function endOf(policy: Policy): string {
  return new Date(policy.expires.endMs).toISOString().replace(".000Z", "Z");
}

function purposesOf(policy: Policy, role: Role): string | readonly string[] {
  return one((role.purposes ?? policy.purposes.map(({ id }) => id)).map(plain));
}

function purposeNeeded(policy: Policy): boolean {
  return policy.purposeFor.actions.includes("creds.issue");
}

function neededPurpose(policy: Policy, role: Role): Readonly<Record<string, string | readonly string[]>> {
  return purposeNeeded(policy) ? { "aws:RequestTag/purpose": purposesOf(policy, role) } : {};
}

function purposes(policy: Policy, role: Role): Conditions {
  const known = purposesOf(policy, role);
  if (purposeNeeded(policy) || known.length === 0) return {};
  return { StringEqualsIfExists: { "aws:RequestTag/purpose": known } };
}
