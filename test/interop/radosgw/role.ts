// Sessions of a role at radosgw, by its STS.
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { PLAIN, type Radosgw, type UserKeys } from "./radosgw.ts";

const ROLE = "cloister-test";

/** A session of the role, narrowed by an inline session policy; or of another role, as it is. */
export async function sessionOf(
  { endpoint }: Radosgw,
  policy: string | undefined,
  name = ROLE,
): Promise<UserKeys & { readonly sessionToken: string }> {
  const sts = new STSClient({ endpoint, region: "us-east-1", credentials: PLAIN });
  const role = { RoleArn: `arn:aws:iam:::role/${name}`, RoleSessionName: "test", DurationSeconds: 900 };
  const { Credentials: keys } = await sts.send(new AssumeRoleCommand({ ...role, Policy: policy }));
  sts.destroy();
  return {
    accessKeyId: keys?.AccessKeyId ?? "",
    secretAccessKey: keys?.SecretAccessKey ?? "",
    sessionToken: keys?.SessionToken ?? "",
  };
}

/** The role. It may do everything in S3: what a session of it may not, the session policy refuses. */
export async function makeRole(server: Radosgw): Promise<void> {
  const everything = { Effect: "Allow", Action: ["s3:*"], Resource: ["arn:aws:s3:::*"] };
  await makeRoleWith(server, ROLE, { Version: "2012-10-17", Statement: [everything] });
}

/** A role of this name with these permissions. */
export async function makeRoleWith(server: Radosgw, name: string, permissions: object): Promise<void> {
  const user = JSON.parse(await server.admin("user", "info", "--access-key", PLAIN.accessKeyId)) as { user_id: string };
  const trust = {
    Effect: "Allow",
    Principal: { AWS: [`arn:aws:iam:::user/${user.user_id}`] },
    Action: ["sts:AssumeRole"],
  };
  const trusting = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
  await server.admin("role", "create", "--role-name", name, "--assume-role-policy-doc", trusting);
  const own = ["--role-name", name, "--policy-name", "all", "--policy-doc", JSON.stringify(permissions)];
  await server.admin("role-policy", "put", ...own);
}
