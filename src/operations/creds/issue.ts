// Getting a credential: a kept one that is still good, else a new one, decided and logged. Many processes that ask for
// the same at once issue one.
import { join } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { Json } from "../../base/json.ts";
import { type Found, type Issued, type Keeping, keep, recall } from "../../credentials/kept.ts";
import type { Credential } from "../../credentials/provider.ts";
import { type Operation, perform } from "../guard.ts";
import { memoryMark } from "../log-memory.ts";
import { underLock } from "../process-lock.ts";
import type { Session } from "../session.ts";
import type { CredentialOptions, IssuedCredential, SettledOptions } from "../types/creds.ts";
import { credentialsFolder, handedOut, writeEntry } from "./index.ts";
import { credentialKey } from "./key.ts";
import { type ForWorkspace, type IssuePlan, type Lifetimes, placeText, planIssue } from "./plan.ts";
import { livesLongEnough } from "./warm.ts";

/** A provider of credentials. Its code is loaded only when it has to issue one. */
export interface Issuer {
  readonly lifetimes: Lifetimes;
  /** What can be asked of a person or fail without a trace, before anything is logged. */
  prepare(plan: IssuePlan): Promise<Prepared>;
}

/** A credential that only waits for its intent to be on record. */
export interface Prepared {
  /** Numbers and digests for the log. */
  readonly facts: { readonly [name: string]: Json | undefined };
  issue(operation: Operation): Promise<Credential>;
}

/**
 * A credential for these options.
 * @throws CloisterError POLICY_DENIED (logged), NOT_AUTHENTICATED, USAGE, UNAVAILABLE
 */
export async function getCredential(
  session: Session,
  asked: CredentialOptions,
  workspace?: ForWorkspace,
): Promise<IssuedCredential> {
  const { config, host, places } = session;
  const options = await settled(session, asked);
  const key = credentialKey({ config, env: host.env, workspace }, options);
  const before = await keptFor(session, key, options);
  if (before) return handedOut(before, true, host.now());
  const lock = join(credentialsFolder(places.state, config.project), `${key}.lock`);
  return await underLock(lock, { waitMs: LOCK_MS, signal: host.signal, busy: gettingIt }, async () => {
    // Whoever had the lock may have issued it: one prompt for a second factor, one call of AWS.
    const meanwhile = await keptFor(session, key, options);
    if (meanwhile) return handedOut(meanwhile, true, host.now());
    return handedOut(await issueAndKeep(session, key, options, workspace), false, host.now());
  });
}

/** The options with a provider: AWS where the project lies there. */
export async function settled(session: Session, options: CredentialOptions): Promise<SettledOptions> {
  if (options.provider) return { ...options, provider: options.provider };
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  return { ...options, provider: policy.aws ? "aws" : "token" };
}

/** The kept credential, where the policy that it was decided by is still in force. */
async function keptFor(session: Session, key: string, options: SettledOptions): Promise<Found | undefined> {
  const { config, host, places } = session;
  const mark = await memoryMark(places.state, config);
  await session.sync();
  const found = await recall(places.config, key);
  if (!found || !livesLongEnough(found.issued, options, host.now())) return undefined;
  const { issued } = found;
  if (issued.policyDigest !== session.ledger.inForce.digest || issued.member !== (await session.me()).id) {
    return undefined;
  }
  // From here on it is warm again: what was appended since then has been read.
  if (issued.mark < mark) await keep(places.config, key, { ...issued, mark });
  return found;
}

async function issueAndKeep(
  session: Session,
  key: string,
  options: SettledOptions,
  workspace: ForWorkspace | undefined,
): Promise<{ issued: Issued; kept: Keeping | undefined }> {
  const { config, host, places } = session;
  // Before the log is read: a policy that another process verifies from now on must not be missed.
  const mark = await memoryMark(places.state, config);
  await session.sync();
  const issuer = await issuerOf(session, options, workspace);
  const plan = await planIssue(session, options, issuer.lifetimes, { workspace });
  const prepared = await issuer.prepare(plan);
  const { credential, id, logEntry } = await issue(session, plan, prepared);
  const issued: Issued = {
    ...{ v: 1, credential, id, member: plan.member, role: plan.role.id, places: plan.places.map(placeText) },
    ...{ purpose: options.purpose, audience: options.audience, readOnly: options.readOnly === true },
    ...{ issuedAtMs: host.now(), policyVersion: plan.policy.version, policyDigest: plan.policy.digest, mark, logEntry },
  };
  const kept = await keep(places.config, key, issued);
  if (kept) await writeEntry(credentialsFolder(places.state, config.project), key, issued, kept);
  else host.notice("this credential is not kept: neither the kernel's keyring nor a keychain takes it");
  return { issued, kept };
}

/** The intent, the credential, and the record that there is one. */
async function issue(
  session: Session,
  plan: IssuePlan,
  prepared: Prepared,
): Promise<{ credential: Credential; id: string; logEntry: number }> {
  const ask = { ...plan.ask, facts: { ...plan.ask.facts, ...prepared.facts } };
  const { result, done } = await perform(session, ask, async (operation) => {
    if (session.ledger.inForce.digest !== plan.policy.digest) {
      throw new CloisterError("UNAVAILABLE", "the policy changed meanwhile", { next: "run it again" });
    }
    const credential = await prepared.issue(operation);
    const expiresMs = Math.floor(credential.expiresAtMs);
    return { result: { credential, id: operation.id }, outcome: { facts: { ...prepared.facts, expiresMs } } };
  });
  return { ...result, logEntry: done.entry };
}

/** The only place that picks a provider. */
export async function issuerOf(session: Session, options: SettledOptions, workspace?: ForWorkspace): Promise<Issuer> {
  if (options.provider === "token") return (await import("./token.ts")).tokenIssuer(session, options, workspace);
  return (await import("./aws.ts")).awsIssuer(session, options);
}

/** As long as a person may need to answer the prompt of the process that has it. */
const LOCK_MS = 120_000;

function gettingIt(): CloisterError {
  return new CloisterError("UNAVAILABLE", "another process is getting the same credential", {
    why: `it has not ended within ${String(LOCK_MS / 1000)} s`,
    next: "answer its prompt or end it, then try again",
  });
}
