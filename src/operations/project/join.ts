// Joining a project: a folder that points at the store, an identity, and one line to hand to the steward.
import { resolve } from "node:path";
import { CloisterError, integrity } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { fingerprint, keyIdOf, type PublicIdentity } from "../../keys/identity.ts";
import { createIdentity, readPublicIdentity, unlockIdentity } from "../../keys/keyring.ts";
import { memberOf } from "../../policy/schema.ts";
import type { Store } from "../../store/store.ts";
import { findConfig, type ProjectConfig, writeConfig } from "../config.ts";
import { holderOf } from "../devices.ts";
import type { Host } from "../host.ts";
import { forgetSince, memoryMark } from "../log-memory.ts";
import { openStore, storeConfigFor } from "../open-store.ts";
import { identityPlaces } from "../places.ts";
import { connect, readStoreObject, type Session } from "../session.ts";
import type { Joined, JoinOptions } from "../types.ts";
import { checkInvitation, type Invitation, readInvitation, type SignedInvitation } from "./invitation.ts";
import { writeLine } from "./join-line.ts";
import { fileJoinRequest } from "./join-request.ts";

/**
 * Points a folder at a store, files a join request there and prints the line for its steward, which says the same. A folder
 * that does so already keeps its pin. With an invitation, the store must show at least what the inviter saw.
 * @throws CloisterError NOT_FOUND (no store), INTEGRITY (another or an older project than expected), USAGE
 */
export async function join(host: Host, given: JoinOptions): Promise<Joined> {
  const member = checkName(given.deviceOf ?? given.member, "member id");
  const invitation = given.invitation === undefined ? undefined : readInvitation(given.invitation);
  const options = invitation ? { ...given, ...placeIn(given, invitation), expectPolicy: invitation.pin } : given;
  const folder = resolve(host.cwd, options.folder);
  const config = await configFor(host, folder, options);
  if (invitation && invitation.project !== config.project) {
    throw integrity("the store is of another project than the invitation");
  }
  const session = connect(host, config, await openStore(host, config));
  await session.begin();
  await syncAsInvited(session, invitation);
  const { compiled } = await session.policy();
  if (given.deviceOf !== undefined && !memberOf(compiled.policy, given.deviceOf)) {
    throw new CloisterError("USAGE", `there is no member ${given.deviceOf}`, { why: "--device-of names a member" });
  }
  const places = identityPlaces(host, options.signingKey);
  const identity = (await readPublicIdentity(places)) ? await unlockIdentity(places) : await createIdentity(places);
  for (const warning of identity.warnings) host.notice(warning);
  await writeConfig(config);
  const line = await writeLine(
    { project: config.project, pin: config.pin, member, name: options.name, ...halves(identity) },
    identity,
  );
  const known = holderOf(compiled.policy, keyIdOf(identity.signs))?.member;
  const about = { line, deviceOf: given.deviceOf, invitation: given.invitation?.trim() };
  const request = known ? undefined : await fileJoinRequest(session, identity, about);
  return {
    folder,
    store: options.store,
    project: compiled.policy.project,
    projectId: config.project,
    policyFingerprint: config.pin,
    policyVersion: compiled.policy.version,
    fingerprint: fingerprint(identity),
    identityStorage: (await readPublicIdentity(places))?.storage ?? "",
    line,
    request,
    invitedBy: invitation?.member,
    member: known?.id,
  };
}

/** Reads the store. What an invitation contradicts is not remembered, or the right store would be refused afterwards. */
async function syncAsInvited(session: Session, invitation: SignedInvitation | undefined): Promise<void> {
  const { places, config } = session;
  const mark = await memoryMark(places.state, config);
  await session.sync();
  if (!invitation) return;
  await checkInvitation(session, invitation).catch(async (error: unknown) => {
    await forgetSince(places.state, config, mark);
    throw error;
  });
}

/** Where the inviter has the store, unless the joiner reaches it otherwise. */
function placeIn(given: JoinOptions, { store }: Invitation): Pick<JoinOptions, "store" | "endpoint" | "region"> {
  const { endpoint = store.endpoint, region = store.region } = given;
  return given.store === "" ? { store: store.store, endpoint, region } : { store: given.store, endpoint, region };
}

function halves({ signs, reads }: PublicIdentity): PublicIdentity {
  return { signs, reads };
}

async function configFor(host: Host, folder: string, options: JoinOptions): Promise<ProjectConfig> {
  const existing = await findConfig(folder);
  const draft = { folder, ...storeConfigFor(host, folder, options) };
  const store = await openStore(host, draft);
  const project = await readStoreObject(store);
  if (project === undefined) {
    throw new CloisterError("NOT_FOUND", `there is no Cloister store at ${store.url}`, {
      next: "ask the project's steward where it is",
    });
  }
  const pin = existing?.folder === folder ? existing.pin : await firstPolicy(store, options.expectPolicy);
  if (existing?.folder === folder && existing.project !== project) {
    throw new CloisterError("USAGE", `${folder} belongs to another project`, { next: "choose another folder" });
  }
  if (options.expectPolicy !== undefined && !matches(pin, options.expectPolicy)) {
    throw integrity("the store shows another policy than you expect", {
      why: `expected ${options.expectPolicy}, found ${pin}`,
      next: "compare with the steward again; do not use this store if it differs",
    });
  }
  return { ...draft, project, pin };
}

/** The steward may read out only the first digits. */
function matches(pin: string, expected: string): boolean {
  const digits = expected
    .toLowerCase()
    .replace(/^sha256:/, "")
    .replaceAll(/[\s-]/g, "");
  return digits.length >= 16 && pin.startsWith(digits);
}

/** Trust on first use: the digest of version 1, which the two people compare. Several would be several roots of trust. */
async function firstPolicy(store: Store, expected: string | undefined): Promise<string> {
  const found: string[] = [];
  for await (const { name } of store.list("policy/")) {
    const digest = /^policy\/00000001-([0-9a-f]{64})$/.exec(name)?.[1];
    if (digest) found.push(digest);
  }
  const fitting = expected === undefined ? found : found.filter((digest) => matches(digest, expected));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  throw integrity(found.length === 0 ? "the store has no policy" : "the store has no single first policy", {
    why: fitting.length > 1 ? "somebody put a second one there" : undefined,
    next: "ask the steward for the policy fingerprint and pass it: --expect FINGERPRINT",
  });
}
