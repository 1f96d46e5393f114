// The session in which this device itself works with a store in a bucket, where its owner chose a role for that: then the
// server refuses this program, too, whatever the program thinks. What the role may is the limit; no policy is sent along,
// because it would have to be read from the store first.
import { join } from "node:path";
import type { AwsCredentials } from "../../base/aws.ts";
import { CloisterError } from "../../base/errors.ts";
import { ID } from "../../base/record.ts";
import { sessionEnvironment, sessionOf } from "../../credentials/aws-environment.ts";
import { assumeRole } from "../../credentials/aws-session.ts";
import { type Issued, keep, recall } from "../../credentials/kept.ts";
import { removeFile } from "../../keys/private-file.ts";
import { awsOf, roleArnOf } from "../../policy/aws/names.ts";
import { issuingRoles } from "../../policy/issuing.ts";
import type { ProjectConfig } from "../config.ts";
import type { Host } from "../host.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import { placesOf } from "../places.ts";
import type { Session } from "../session.ts";
import type { OwnRole } from "../types/creds.ts";
import { credentialsFolder, writeEntry } from "./index.ts";
import { credentialKey } from "./key.ts";

/** The project, and the profile that asks STS. */
type ProjectAccess = Pick<ProjectConfig, "project" | "pin"> & { readonly profile?: string | undefined };

const LIFE_MS = 60 * 60_000;
/** What is about to end in the middle of a long transfer is renewed before it. */
const MIN_LEFT_MS = 5 * 60_000;
const FILE_BYTES_MAX = 4096;

/**
 * How to get the credentials for the store; undefined where nobody chose a role, and the SDK's own chain is asked. A
 * session is kept as others are, so that commands do not each call STS.
 */
export async function ownCredentials(
  host: Host,
  config: ProjectAccess,
): Promise<(() => Promise<AwsCredentials>) | undefined> {
  const own = await readOwnRole(host, config.project);
  return own && (() => session(host, config, own));
}

async function session(host: Host, config: ProjectAccess, own: OwnRole): Promise<AwsCredentials> {
  const { config: configDir, state } = placesOf(host);
  const { roleArn, role, member, purpose, region } = own;
  const options = { provider: "aws", role, purpose, audience: `own ${roleArn}` } as const;
  const key = credentialKey({ config, env: host.env }, options);
  const kept = (await recall(configDir, key))?.issued;
  if (kept && kept.credential.expiresAtMs - host.now() > MIN_LEFT_MS) {
    return sessionOf(kept.credential.environment, kept.credential.expiresAtMs);
  }
  const tags = { project: config.project, role };
  const given = await assumeRole(
    { region, profile: config.profile },
    {
      ...{ roleArn, sessionName: `${member.slice(0, 50)}.cloister`, sourceIdentity: member, durationMs: LIFE_MS },
      ...{ tags: purpose === undefined ? tags : { ...tags, purpose }, policy: undefined },
    },
    host.signal,
  );
  const expiresAtMs = given.expiresAtMs ?? 0;
  const issued: Issued = {
    ...{ v: 1, id: "own", member, role, purpose, audience: "the store", readOnly: false, logEntry: undefined },
    credential: { provider: "aws", expiresAtMs, environment: sessionEnvironment(given, region) },
    ...{ places: [], issuedAtMs: host.now(), policyVersion: 0, policyDigest: "", mark: 0 },
  };
  const where = await keep(configDir, key, issued);
  if (where) await writeEntry(credentialsFolder(state, config.project), key, issued, where);
  return given;
}

/**
 * Chooses the role for this device's own work.
 * @throws CloisterError USAGE where it is not clear which, or the project has no AWS side
 */
export async function useOwnRole(
  session: Session,
  asked: { readonly role?: string | undefined; readonly purpose?: string | undefined },
): Promise<OwnRole> {
  const { host, config } = session;
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const aws = awsOf(policy);
  const member = (await session.me()).id;
  const roles = issuingRoles(policy, member, asked);
  const [only, another] = roles;
  if (!only || another) {
    const names = issuingRoles(policy, member).map(({ role }) => role.id);
    throw new CloisterError("USAGE", "one role is needed in which you can be issued credentials", {
      next: names.length > 0 ? `--role, one of: ${names.join(", ")}` : "cloister policy explain creds.issue",
    });
  }
  // The trust of the exported role wants the tag; without it this device would shut itself out of its store.
  if (asked.purpose === undefined && policy.purposeFor.actions.includes("creds.issue")) {
    const purposes = only.role.purposes ?? policy.purposes.map(({ id }) => id);
    throw new CloisterError("USAGE", `role ${only.role.id} is for a purpose`, {
      why: "the policy wants one for creds.issue, and the role in AWS takes no session without",
      next: `cloister creds use --role ${only.role.id} --purpose ${purposes.length === 1 ? (purposes[0] ?? "") : "NAME"}`,
    });
  }
  const own = { roleArn: roleArnOf(aws, only.role), role: only.role.id, member, region: aws.region };
  const chosen = { ...own, purpose: asked.purpose };
  await writeLocal(ownRoleFile(host, config.project), JSON.stringify(chosen));
  return chosen;
}

/** Chooses none. Works also where the store cannot be opened in the role that was chosen. */
export async function dropOwnRole(host: Pick<Host, "env" | "home">, project: string): Promise<void> {
  await removeFile(ownRoleFile(host, project));
}

function ownRoleFile(host: Pick<Host, "env" | "home">, project: string): string {
  return join(placesOf(host).state, project, "own-role.json");
}

async function readOwnRole(host: Host, project: string): Promise<OwnRole | undefined> {
  if (!ID.test(project)) return undefined;
  const path = ownRoleFile(host, project);
  const bytes = await readLocal(path, FILE_BYTES_MAX);
  if (!bytes) return undefined;
  try {
    const own = JSON.parse(bytes.toString("utf8")) as OwnRole;
    const { roleArn, role, member, region } = own;
    if ([roleArn, role, member, region].every((text) => typeof text === "string" && text !== "")) return own;
  } catch {
    // Said below: working with other rights than those that were chosen would be worse than not working.
  }
  throw new CloisterError("FAILURE", `${path} cannot be read`, {
    why: "it is damaged",
    next: "cloister creds use --off",
  });
}
