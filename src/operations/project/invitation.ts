// An invitation: one line that says what a joiner must find in the store, so that nobody can show them an older project.
import { commitName } from "../../audit/commit.ts";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, integrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { type Envelope, parseEnvelope, signEnvelope, verifyEnvelope } from "../../keys/dsse.ts";
import { memberOf } from "../../policy/schema.ts";
import type { StoreConfig } from "../config.ts";
import { permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Invited, InviteOptions } from "../types.ts";

const TYPE = "application/vnd.cloister.invitation.v1+json";
const BYTES_MAX = 8 * 1024;
const COMMIT_BYTES_MAX = 8 * 1024 * 1024;
export const INVITATION_PREFIX = "cloister-invite-1.";

/** What the inviter saw and vouches for. */
export interface Invitation {
  readonly project: string;
  /** SHA-256 of policy version 1. */
  readonly pin: string;
  /** The newest policy version then. */
  readonly policy: { readonly version: number; readonly digest: string };
  /** The log then: entries, root of the tree over them, and the last commit that counted with its SHA-256. */
  readonly log: { readonly size: number; readonly root: string; readonly seq: number; readonly commit: string };
  readonly store: StoreConfig;
  /** Roles that the inviter has in mind; whoever approves gives them. */
  readonly roles: readonly string[];
  /** Member who invites. */
  readonly member: string;
}

/** An invitation as it was signed. */
export interface SignedInvitation extends Invitation {
  readonly envelope: Envelope;
}

/** Writes an invitation. It lets nobody in; it is as good as the way it is handed over. @throws CloisterError POLICY_DENIED */
export async function invite(session: Session, { roles }: InviteOptions): Promise<Invited> {
  await session.sync();
  await permit(session, { title: "invite somebody", action: "member.add", sealed: { roles: roles.join(" ") } });
  const { config, log, ledger } = session;
  const { policy } = (await session.policy()).compiled;
  const unknown = roles.find((role) => !policy.roles.some(({ id }) => id === role.split("@")[0]));
  if (unknown !== undefined) {
    const known = policy.roles.map(({ id }) => id).join(", ");
    throw new CloisterError("USAGE", `the policy has no role ${unknown}`, { next: `roles: ${known}` });
  }
  const { tip } = log;
  if (!tip) throw integrity("the project has no log");
  const { version, digest } = ledger.inForce;
  const invitation: Invitation = {
    ...{ project: config.project, pin: config.pin, policy: { version, digest }, roles },
    log: { size: log.size, root: log.root, seq: tip.seq, commit: tip.digest },
    store: { store: session.store.url, endpoint: config.endpoint, region: config.region },
    member: (await session.me()).id,
  };
  const envelope = await signEnvelope(TYPE, encode(invitation), await session.identity());
  const line = INVITATION_PREFIX + Buffer.from(envelope).toString("base64url");
  return {
    line,
    project: policy.project,
    policyVersion: version,
    logEntries: log.size,
    roles,
    store: session.store.url,
  };
}

function encode({ policy, log, store, roles, ...rest }: Invitation): Uint8Array {
  const reach = { store: store.store, endpoint: store.endpoint, region: store.region };
  return canonicalBytes({ v: 1, ...rest, policy, log, store: reach, roles });
}

/** @throws CloisterError USAGE where it is no invitation, INTEGRITY where it was changed */
export function readInvitation(line: string): SignedInvitation {
  const text = line.trim();
  const what = "invitation";
  if (!text.startsWith(INVITATION_PREFIX) || text.length > 2 * BYTES_MAX) {
    throw new CloisterError("USAGE", "this is no invitation", {
      next: "the inviter gets it from: cloister member invite",
    });
  }
  const bytes = Buffer.from(text.slice(INVITATION_PREFIX.length), "base64url");
  const envelope = parseEnvelope(bytes, TYPE, what, BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of an ${what}`);
  const [policy, log, store] = [fields.fields("policy"), fields.fields("log"), fields.fields("store")];
  const optional = (key: string) => (store.has(key) ? store.string(key, SHORT) : undefined);
  const invitation: Invitation = {
    project: fields.string("project", ID),
    pin: fields.string("pin", SHA256),
    policy: { version: policy.integer("version", 1), digest: policy.string("digest", SHA256) },
    log: {
      size: log.integer("size", 1),
      root: log.string("root", SHA256),
      seq: log.integer("seq"),
      commit: log.string("commit", SHA256),
    },
    store: { store: store.string("store", SHORT), endpoint: optional("endpoint"), region: optional("region") },
    roles: fields.strings("roles", /^[a-z0-9][a-z0-9._@-]{0,255}$/),
    member: fields.string("member", NAME),
  };
  for (const part of [fields, policy, log, store]) part.end();
  return { ...invitation, envelope };
}

const SHORT = /^[^\p{Cc}]{1,500}$/u;

/**
 * Holds a store that was just read to what its inviter saw.
 * @throws CloisterError INTEGRITY where it shows less, or something else: it was rolled back, or forked
 */
export async function checkInvitation(session: Session, invitation: SignedInvitation): Promise<void> {
  const { ledger, log, store } = session;
  const { policy, log: seen } = invitation;
  const { member } = invitation;
  if (log.size < seen.size || log.commits <= seen.seq) {
    throw older(`its log has ${String(log.size)} entries, and ${member} saw ${String(seen.size)}`);
  }
  const commit = await store.get(commitName(seen.seq), COMMIT_BYTES_MAX);
  if (!commit || sha256Hex(commit) !== seen.commit) throw older(`${member} saw another commit ${String(seen.seq)}`);
  if (!ledger.policies.some(({ version, digest }) => version === policy.version && digest === policy.digest)) {
    throw older(`${member} saw policy version ${String(policy.version)} with another digest`);
  }
  const inviter = memberOf((await ledger.policy(policy.version)).compiled.policy, member);
  if (inviter?.devices.some(({ signs }) => verifyEnvelope(invitation.envelope, signs)) && !inviter.suspended) return;
  throw integrity("the invitation is not signed by a member", { why: `it says that ${member} wrote it` });
}

function older(why: string): CloisterError {
  return integrity("the store shows less than the invitation says", {
    why: `${why}: it was rolled back, or another project was put in its place`,
    next: "tell whoever invited you, and do not use this store",
  });
}
