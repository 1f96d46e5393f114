// Taking credentials back: what this device keeps is forgotten at once; what was handed out ends by itself.
import { readdir } from "node:fs/promises";
import { denyOlderSessions } from "../../credentials/deny-older.ts";
import { forget } from "../../credentials/kept.ts";
import { awsOf, roleArnOf } from "../../policy/aws/names.ts";
import { issuingRoles } from "../../policy/issuing.ts";
import type { Host } from "../host.ts";
import { placesOf } from "../places.ts";
import type { Session } from "../session.ts";
import type { CredentialsRevoked } from "../types/creds.ts";
import { credentialsFolder, entriesIn, removeEntry } from "./index.ts";
import { endServes } from "./serves.ts";

/** Forgets the credentials of one project and ends its endpoints. Needs neither the store nor an unlocked identity. */
export async function revokeCredentials(
  host: Pick<Host, "env" | "home">,
  project: string,
): Promise<Pick<CredentialsRevoked, "credentials" | "serves">> {
  const { config, state } = placesOf(host);
  const folder = credentialsFolder(state, project);
  // Endpoints first: one that refreshed in between would keep another.
  const serves = await endServes(folder);
  let credentials = 0;
  for (const { key } of await entriesIn(folder)) {
    if (await forget(config, key)) credentials++;
    await removeEntry(folder, key);
  }
  return { credentials, serves };
}

/** {@link revokeCredentials} for every project of this device; returns how many credentials were kept. */
export async function revokeEverywhere(host: Pick<Host, "env" | "home">): Promise<number> {
  const { state } = placesOf(host);
  const projects = (await readdir(state).catch(() => [])).filter((name) => /^[0-9a-f]{32}$/.test(name));
  let forgotten = 0;
  for (const project of projects) forgotten += (await revokeCredentials(host, project)).credentials;
  return forgotten;
}

/** The policy that makes AWS refuse this member's sessions issued until now, and the roles to put it on. */
export async function serverRevocation(
  session: Session,
): Promise<Pick<CredentialsRevoked, "serverPolicy" | "serverRoles">> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const aws = awsOf(policy);
  const me = await session.me();
  const roles = issuingRoles(policy, me.id).map(({ role }) => roleArnOf(aws, role));
  const serverPolicy = denyOlderSessions(session.host.now(), me.id, policy.login !== undefined);
  return { serverPolicy, serverRoles: roles };
}
