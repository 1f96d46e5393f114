// Issuing an AWS session: STS is asked for the role's session with an inline policy made from the project's own.
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { AwsAccess } from "../../base/aws.ts";
import { CloisterError } from "../../base/errors.ts";
import { sessionEnvironment } from "../../credentials/aws-environment.ts";
import { factorOf, type ProfileFactor } from "../../credentials/aws-profile.ts";
import { assumeRole, SESSION_MS_MAX, SESSION_MS_MIN, type SessionRequest } from "../../credentials/aws-session.ts";
import type { Credential } from "../../credentials/provider.ts";
import { awsOf, roleArnOf } from "../../policy/aws/names.ts";
import { type SessionPolicy, sessionPolicy } from "../../policy/aws/session-policy.ts";
import { sessionNameOf } from "../../policy/aws/sessions-of.ts";
import type { AwsSettings, Policy } from "../../policy/schema.ts";
import type { Host } from "../host.ts";
import { readLogin } from "../login/record.ts";
import type { Session } from "../session.ts";
import type { SettledOptions } from "../types/creds.ts";
import type { Issuer } from "./issue.ts";
import type { IssuePlan } from "./plan.ts";

/** Issues sessions of the role in AWS that the project role stands for. @throws CloisterError USAGE without `aws:` */
export async function awsIssuer(session: Session, options: SettledOptions): Promise<Issuer> {
  const { policy } = (await session.policy()).compiled;
  const aws = awsOf(policy);
  return {
    lifetimes: { minMs: SESSION_MS_MIN, maxMs: SESSION_MS_MAX },
    prepare: async (plan) => {
      const { text, chars } = compileFor(policy, plan, options, session.host.now());
      const webIdentityToken = await webIdentity(session, policy, options);
      const mfa = webIdentityToken === undefined ? await secondFactor(session.host, options) : undefined;
      const access: AwsAccess = { region: aws.region, profile: options.aws?.profile };
      const common = { policy: text, webIdentityToken, mfa, roleArn: roleArnOf(aws, plan.role) };
      return {
        facts: { chars, webIdentity: webIdentityToken !== undefined, mfa: mfa !== undefined },
        issue: async ({ id }) => {
          const request = { ...common, ...namesOf(session, plan, options, id) };
          return credentialOf(await assumeRole(access, request, session.host.signal), aws);
        },
      };
    },
  };
}

/** The session policy of a plan, as it is sent. */
export function compileFor(policy: Policy, plan: IssuePlan, options: SettledOptions, now: number): SessionPolicy {
  const { purpose, readOnly, domain } = options;
  const { member, role, places } = plan;
  return sessionPolicy(policy, { member, role: role.id, domain, purpose, readOnly, places, now });
}

/** What the session is called in AWS's own logs, and how long it lives. */
function namesOf(
  session: Session,
  plan: IssuePlan,
  { purpose }: SettledOptions,
  operation: string,
): Pick<SessionRequest, "sessionName" | "sourceIdentity" | "tags" | "durationMs"> {
  const { digest } = plan.policy;
  const tags = { project: session.config.project, role: plan.role.id, policy: digest.slice(0, 16) };
  const leftMs = plan.endMs - session.host.now();
  return {
    sessionName: sessionNameOf(plan.member, operation),
    sourceIdentity: plan.member,
    tags: purpose === undefined ? tags : { ...tags, purpose },
    durationMs: Math.max(SESSION_MS_MIN, Math.min(plan.ttlMs, leftMs)),
  };
}

function credentialOf(given: Awaited<ReturnType<typeof assumeRole>>, { region }: AwsSettings): Credential {
  const { expiresAtMs = 0 } = given;
  return { provider: "aws", expiresAtMs, environment: sessionEnvironment(given, region) };
}

const TOKEN_BYTES_MAX = 20_000;

/**
 * The OpenID token to ask with, where there is one: then nobody needs keys of AWS. From a file, else of the login on this
 * device; a profile that was named goes before the login.
 */
async function webIdentity(session: Session, policy: Policy, { aws }: SettledOptions): Promise<string | undefined> {
  if (aws?.tokenFile !== undefined) return tokenIn(resolve(session.host.cwd, aws.tokenFile));
  if (aws?.profile !== undefined || policy.login?.audience === undefined) return undefined;
  if (!(await readLogin(session, policy, await session.me()))) return undefined;
  const { currentIdToken } = await import("../login/id-token.ts");
  return (await currentIdToken(session)).token;
}

async function tokenIn(file: string): Promise<string> {
  const token = (await readFile(file, "utf8").catch(() => "")).trim();
  if (/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(token) && token.length <= TOKEN_BYTES_MAX) return token;
  throw new CloisterError("NOT_AUTHENTICATED", `there is no OpenID token in ${file}`, {
    why: "it is missing, unreadable, or no JSON Web Token",
    next: "--token-file FILE (also: AWS_WEB_IDENTITY_TOKEN_FILE)",
  });
}

/**
 * The code of the second factor that the profile names: given, else printed by the program that the profile names for it,
 * else asked of a person.
 */
async function secondFactor(host: Host, { aws }: SettledOptions): Promise<SessionRequest["mfa"]> {
  const profile = aws?.profile ?? host.env["AWS_PROFILE"] ?? "default";
  const factor = await factorOf(host.env["AWS_CONFIG_FILE"] ?? join(host.home, ".aws/config"), profile);
  if (factor === undefined) {
    if (aws?.mfaCode === undefined) return undefined;
    throw new CloisterError("USAGE", `profile ${profile} has no second factor`, {
      why: "a code needs the serial number of the device it is from",
      next: "add mfa_serial to the profile, or leave --mfa-token out",
    });
  }
  const { serial } = factor;
  const code = aws?.mfaCode ?? (await printedCode(host, factor)) ?? (await host.askCode?.(serial));
  if (code !== undefined && /^\d{6}$/.test(code)) return { serial, code };
  throw new CloisterError("NOT_AUTHENTICATED", `AWS asks profile ${profile} for a second factor`, {
    why: code === undefined ? "no one can be asked for the code here" : "a code has six digits",
    next: "--mfa-token CODE, or run it in a terminal",
  });
}

async function printedCode({ env, signal }: Host, { process }: ProfileFactor): Promise<string | undefined> {
  if (process === undefined) return undefined;
  const { codeFrom } = await import("../../credentials/mfa-process.ts");
  const theirs = Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("CLOISTER_")));
  return await codeFrom(process, { env: theirs, signal });
}
