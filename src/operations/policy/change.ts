// New policy versions: proposed from the local file, or made by adding a member.
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { fingerprint, keyIdOf } from "../../keys/identity.ts";
import { addMember as addToText, setVersion } from "../../policy/edit.ts";
import { entitlements } from "../../policy/entitlements.ts";
import { kmsKeyOf } from "../../policy/kms-key.ts";
import type { Policy } from "../../policy/schema.ts";
import { POLICY_FILE } from "../config.ts";
import { holderOf } from "../devices.ts";
import type { Ask } from "../guard.ts";
import { keysElsewhere } from "../key/kms-pending.ts";
import { readLocal } from "../local-file.ts";
import { argumentsOfStore } from "../open-store.ts";
import { readClaim } from "../project/join-line.ts";
import type { Session } from "../session.ts";
import type { AddMemberOptions, MemberAdded, Proposed } from "../types.ts";
import { POLICY_BYTES_MAX } from "./local-policy.ts";
import { readForSigning } from "./publish.ts";
import { submit } from "./submit.ts";

/**
 * Adds the person behind a join line: a new signed policy version, and the class keys that their roles entitle them to.
 * @throws CloisterError USAGE, INTEGRITY (a changed line), POLICY_DENIED
 */
export async function addMember(session: Session, options: AddMemberOptions): Promise<MemberAdded> {
  const claim = readClaim(options.line);
  await session.sync();
  const current = await session.policy();
  const { policy } = current.compiled;
  if (claim.project !== session.config.project || claim.pin !== session.config.pin) {
    throw new CloisterError("USAGE", "this join line is for another project", {
      next: `ask them to run: cloister join ${argumentsOfStore(session.store.url, session.config)}`,
    });
  }
  const id = checkName(options.id ?? claim.member, "member id");
  const name = options.name ?? claim.name;
  const taken = policy.members.find((m) => m.id === id) ?? holderOf(policy, keyIdOf(claim.signs))?.member;
  if (taken) {
    throw new CloisterError("USAGE", `${taken.id} is a member already`, {
      next: taken.id === id ? "choose another id: --id ID" : "cloister member list",
    });
  }
  if (options.roles.length === 0) {
    throw new CloisterError("USAGE", "which role?", {
      next: `pass --role ROLE; roles: ${policy.roles.map((role) => role.id).join(", ")}`,
    });
  }
  const next = { version: policy.version + 1, previous: session.ledger.inForce.digest };
  const { signs, reads } = claim;
  const text = addToText(current.text, { id, name, roles: options.roles, signs, reads }, next);
  const ask: Ask = {
    title: `add member ${id}`,
    action: "member.add",
    ...(options.justification === undefined ? {} : { justification: options.justification }),
    sealed: { member: id, name, roles: options.roles.join(" "), justification: options.justification },
  };
  const published = await submit(session, ask, Buffer.from(text), {
    dryRun: options.dryRun,
    file: POLICY_FILE,
    ifEdited: "add the member there, too",
  });
  return {
    member: id,
    name,
    roles: options.roles,
    fingerprint: fingerprint(claim),
    policyVersion: next.version,
    policyDigest: published.digest,
    keys: published.given.get(id) ?? [],
    kmsKeys: underKms(published.next, id),
    logEntry: published.logEntry,
    pending: published.pending,
    lacking: published.lacking,
    dryRun: options.dryRun === true,
  };
}

/**
 * Signs and publishes the local policy file as the next version. Its `version` and `previous` are set here.
 * @throws CloisterError USAGE (problems in the file, nothing changed), POLICY_DENIED
 */
export async function proposePolicy(
  session: Session,
  options: { readonly justification?: string | undefined; readonly dryRun?: boolean | undefined },
): Promise<Proposed> {
  await session.sync();
  const file = join(session.config.folder, POLICY_FILE);
  const bytes = await readLocal(file, POLICY_BYTES_MAX);
  if (!bytes)
    throw new CloisterError("NOT_FOUND", `there is no ${file}`, {
      next: `cloister policy show --text > ${POLICY_FILE}`,
    });
  if (sha256Hex(bytes) === session.ledger.inForce.digest) {
    throw new CloisterError("USAGE", "there is nothing to propose", { why: `${file} is what is in force` });
  }
  const local = await readForSigning(bytes, file, session.host.now());
  const { inForce } = session.ledger;
  if (local.version !== inForce.version && local.version !== inForce.version + 1) throw outdated(file, local, inForce);
  if (local.version === inForce.version + 1 && local.previous !== inForce.digest) throw outdated(file, local, inForce);
  const version = inForce.version + 1;
  const text = setVersion(bytes.toString("utf8"), { version, previous: session.ledger.inForce.digest });
  const ask: Ask = {
    title: `change the policy to version ${String(version)}`,
    action: "policy.change",
    ...(options.justification === undefined ? {} : { justification: options.justification }),
    sealed: { justification: options.justification },
  };
  const submitted = await submit(session, ask, Buffer.from(text), { dryRun: options.dryRun, file });
  const { next, digest, logEntry, pending, lacking } = submitted;
  const elsewhere = logEntry === undefined ? [] : await keysElsewhere(session, next);
  if (elsewhere.length > 0) {
    session.host.notice(
      `keys of ${elsewhere.join(", ")} stay where they are until there are new ones: cloister key rotate`,
    );
  }
  return { version, digest, file, logEntry, pending, lacking, dryRun: options.dryRun === true };
}

/** Signing it would undo what others changed since. */
function outdated(file: string, local: Policy, inForce: { readonly version: number }): CloisterError {
  return new CloisterError("USAGE", `${file} was made from version ${String(local.version)}`, {
    why: `version ${String(inForce.version)} is in force, and what it changed would be lost`,
    next: `cloister policy show --text > theirs.yaml, bring your changes into it, and put it in place of ${POLICY_FILE}`,
  });
}

/** What the policy entitles a member to and KMS hands out, if their IAM role lets it. */
function underKms(policy: Policy, member: string): readonly string[] {
  const { classKeys } = entitlements(policy, member);
  const there = classKeys.filter((key) => kmsKeyOf(policy, key.class) !== undefined);
  return there.map((key) => `${key.domain}/${key.class}`);
}
