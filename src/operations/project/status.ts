// Where I am, who I am, and whether this host can do what Cloister needs.
import { resolve } from "node:path";
import { CloisterError, explained } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import { checkStorage, isUnlocked, lockIdentity, readPublicIdentity } from "../../keys/keyring.ts";
import { covers } from "../../policy/entitlements.ts";
import { holdingText, type Member, type Policy } from "../../policy/schema.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { memoryRoom } from "../../sandbox/volume/choose.ts";
import { findConfig } from "../config.ts";
import type { Host } from "../host.ts";
import { placeOfStore } from "../open-store.ts";
import { identityPlaces } from "../places.ts";
import { localState } from "../policy/local-policy.ts";
import { overdueIn } from "../secret/due.ts";
import { openSession, type Session } from "../session.ts";
import type { Diagnosis, LoginState, Status, WhoAmI } from "../types.ts";
import { checkDrivers } from "../workspace/drivers.ts";
import { checkLimits } from "../workspace/limits.ts";
import { workspacesHere } from "../workspace/look.ts";
import { sandboxOf } from "../workspace/sandbox.ts";
import { volumeFolderOf } from "../workspace/volume.ts";
import { checkStore } from "./check-store.ts";
import { joinWarnings } from "./join-warnings.ts";

const DAY_MS = 86_400_000;
const EXPIRES_SOON_MS = 30 * DAY_MS;

/** The project at a glance. Works for people who are not members yet. */
export async function status(session: Session): Promise<Status> {
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const me = await session.me().catch(notAuthenticated);
  const local = await localState(session);
  const { host, config, log } = session;
  const left = policy.expires.endMs - host.now();
  const workspaces = await workspacesHere(session);
  return {
    folder: config.folder,
    store: placeOfStore(config),
    endpoint: config.endpoint,
    project: policy.project,
    member: me?.id,
    roles: me?.roles.map(holdingText) ?? [],
    projectFingerprint: config.pin,
    policyVersion: policy.version,
    policyExpires: policy.expires.date,
    localFile: local,
    logEntries: log.size,
    unlocked: await isUnlocked(identityPlaces(host)),
    login: await loginOf(session, policy, me),
    workspaces,
    warnings: [
      ...(await emergencyWarnings(session, policy, me?.id)),
      ...(me ? [] : ["this device is no member of the project: cloister join prints the line for its steward"]),
      ...(me?.suspended === undefined ? [] : [`you are suspended: ${me.suspended}`]),
      ...(local === "differs"
        ? ["the local policy file differs from what is in force: cloister policy diff shows how"]
        : []),
      ...(me && policy.owners.members.includes(me.id) ? await signingWarnings(session, me.id) : []),
      ...(left < 0 ? ["the policy has expired: only its owners can renew it"] : []),
      ...(me ? overdueWarnings(session, policy, me.id) : []),
      ...(me && policy.accessReview ? await reviewWarnings(session, policy, me.id) : []),
      ...(me ? await requestWarnings(session, policy, me.id) : []),
      ...(me ? await joinWarnings(session, policy, me.id) : []),
      ...(me && policy.retention ? await dueWarnings(session) : []),
      ...(left >= 0 && left < EXPIRES_SOON_MS ? [`the policy expires on ${policy.expires.date}`] : []),
    ],
  };
}

/** Loaded only where there was an emergency. */
async function emergencyWarnings(session: Session, policy: Policy, me?: string): Promise<readonly string[]> {
  if (session.ledger.index.of("break-glass.invoke").length === 0) return [];
  return (await import("../break-glass/notices.ts")).glassWarnings(session, policy, me);
}

/** Loaded only where the policy has access confirmed. */
async function reviewWarnings(session: Session, policy: Policy, me: string): Promise<readonly string[]> {
  return (await import("../review/warnings.ts")).reviewWarnings(session, policy, me);
}

/** Loaded only where somebody asked for something. */
async function requestWarnings(session: Session, policy: Policy, me: string): Promise<readonly string[]> {
  if (session.ledger.index.of("request.create").length === 0) return [];
  return (await import("../request/waiting.ts")).waitingWarnings(session, policy, me);
}

/** Loaded for owners only. */
async function signingWarnings(session: Session, me: string): Promise<readonly string[]> {
  const { openProposals } = await import("../policy/open-proposals.ts");
  const open = await openProposals(session, { stale: false, reasons: false });
  const mine = open.filter(({ summary: { sides, complete, publishers } }) =>
    complete ? publishers.includes(me) : sides.some(({ can }) => can.includes(me)),
  );
  return mine.map(({ summary }) => `policy version ${String(summary.version)} waits for you: ${summary.next}`);
}

/** For those who can do something about it. */
function overdueWarnings(session: Session, policy: Policy, member: string): readonly string[] {
  const count = overdueIn(session.ledger, policy, session.host.now(), (place) =>
    covers(policy, member, "secret.write", place),
  );
  if (count === 0) return [];
  return [`${count === 1 ? "1 secret is" : `${String(count)} secrets are`} overdue for rotation: cloister secret list`];
}

/** Loaded only where the policy bounds how long versions are kept. */
async function dueWarnings(session: Session): Promise<readonly string[]> {
  const count = (await (await import("../retention/prune.ts")).dueForMe(session)).length;
  if (count === 0) return [];
  const what = count === 1 ? "1 version is" : `${String(count)} versions are`;
  return [`${what} past the time that the policy keeps: cloister artifact prune --dry-run`];
}

/** Who this device is, and who that is in the project of the folder. @throws CloisterError NOT_AUTHENTICATED */
export async function whoAmI(host: Host, folder: string): Promise<WhoAmI> {
  const places = identityPlaces(host);
  const known = await readPublicIdentity(places);
  if (!known) {
    throw new CloisterError("NOT_AUTHENTICATED", "this device has no identity yet", {
      next: "cloister init, or cloister join STORE",
    });
  }
  const { fingerprint, storage, signing: signingKey, signs, reads } = known;
  const inProject = await findConfig(resolve(host.cwd, folder));
  const session = inProject && (await openSession(host, folder));
  await session?.sync();
  const me = await session?.me().catch(notAuthenticated);
  const policy = session && (await session.policy()).compiled.policy;
  return {
    ...{ fingerprint, storage, signingKey, signs, reads, unlocked: await isUnlocked(places) },
    ...{ project: policy?.project, member: me?.id, name: me?.name, roles: me?.roles.map(holdingText) ?? [] },
    login: session && policy && (await loginOf(session, policy, me)),
  };
}

/** Loaded only for projects that people log in to. */
async function loginOf(session: Session, policy: Policy, me: Member | undefined): Promise<LoginState | undefined> {
  if (!policy.login) return undefined;
  return (await import("../login/state.ts")).loginState(session, policy.login, me);
}

function notAuthenticated(error: unknown): undefined {
  if (error instanceof CloisterError && error.code === "NOT_AUTHENTICATED") return undefined;
  throw error;
}

/** Forgets the unlocked identity, and every credential that is kept on this device. */
export async function lock(host: Host): Promise<{ readonly forgotten: boolean; readonly credentials: number }> {
  const { revokeEverywhere } = await import("../creds/revoke.ts");
  const credentials = await revokeEverywhere(host);
  return { ...(await lockIdentity(identityPlaces(host))), credentials };
}

type Finding = Diagnosis["checks"][number];

/** Looks at everything Cloister needs of this host and says how to mend what is missing. */
export async function doctor(host: Host, folder: string): Promise<Diagnosis> {
  const checks: Finding[] = [];
  const node = process.versions.node;
  checks.push({ name: "node", state: "good", text: `Node.js ${node}`, next: undefined });
  checks.push(...(await checkStorage(identityPlaces(host))));
  const drivers = await checkDrivers(host);
  checks.push(...drivers);
  // Of the driver that is used unless another is asked for.
  if (drivers[0]?.state === "good") {
    const sandbox = await sandboxOf(host);
    checks.push(checkLimits(sandbox), await checkVolumes(host, sandbox));
  }
  checks.push(...(await checkProject(host, folder)));
  return { ok: checks.every(({ state }) => state !== "bad"), checks };
}

/** Without them everything works but data that is larger than memory. */
async function checkVolumes(host: Host, sandbox: Sandbox): Promise<Finding> {
  const name = "volumes";
  const problem = await sandbox.problem({ volume: "encrypted", volumeFolder: volumeFolderOf(host) });
  if (!problem) {
    return { name, state: "good", text: "in memory, or encrypted on disk where larger", next: undefined };
  }
  const text = `in memory only (${formatBytes(memoryRoom())} at most, unless you insist): ${problem.why}`;
  return { name, state: "unknown", text, next: problem.next };
}

async function checkProject(host: Host, folder: string): Promise<readonly Finding[]> {
  const name = "project";
  try {
    if (!(await findConfig(resolve(host.cwd, folder)))) {
      const text = "no project in this folder";
      return [{ name, state: "unknown", text, next: "cloister init, or cloister join STORE" }];
    }
    const session = await openSession(host, folder);
    await session.sync();
    const { policy } = (await session.policy()).compiled;
    const text = `${policy.project}: policy v${String(policy.version)}, ${String(session.log.size)} log entries verified`;
    const found: Finding = { name, state: "good", text, next: undefined };
    return [
      found,
      ...checkSecrets(session, policy),
      ...(await checkEmergencies(session)),
      ...(await checkStore(session)),
    ];
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    return [{ name, state: "bad", text: explained(error), next: error.next }];
  }
}

/** Somebody broke the glass, and nobody who had no part in it has looked at that in time. */
async function checkEmergencies(session: Session): Promise<readonly Finding[]> {
  const overdue = await (await import("../break-glass/notices.ts")).overdueReviews(session);
  if (overdue.length === 0) return [];
  const text = `nobody reviewed in time: ${overdue.join(", ")}`;
  return [{ name: "break-glass", state: "unknown", text, next: `cloister break-glass show ${overdue[0] ?? ""}` }];
}

/** Everybody's secrets: that one is overdue is no fault of this machine, but somebody should know. */
function checkSecrets({ ledger, host }: Session, policy: Policy): readonly Finding[] {
  const name = "secrets";
  if (ledger.secrets.live().length === 0) return [];
  const count = overdueIn(ledger, policy, host.now(), () => true);
  if (count === 0) return [{ name, state: "good", text: "no secret is overdue for rotation", next: undefined }];
  const text = `${count === 1 ? "1 secret is" : `${String(count)} secrets are`} overdue for rotation`;
  return [{ name, state: "unknown", text, next: "cloister secret list" }];
}
