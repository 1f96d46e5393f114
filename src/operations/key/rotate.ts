// New keys for classes. What lies in the store stays as it is and readable; what is pushed from now on is under them.
import { CloisterError } from "../../base/errors.ts";
import { setEpochs, setVersion } from "../../policy/edit.ts";
import { kmsKeyOf } from "../../policy/kms-key.ts";
import type { Policy } from "../../policy/schema.ts";
import { domainOf } from "../artifact/resolve.ts";
import { POLICY_FILE } from "../config.ts";
import { type Ask, perform, permit, wouldPermit } from "../guard.ts";
import { type Submitted, submit } from "../policy/submit.ts";
import type { Session } from "../session.ts";
import type { Rotated, RotateOptions } from "../types.ts";

/**
 * Makes new keys for the classes of the project, of a domain, or for one class: a policy version with nothing else new.
 * Without a class the oldest epoch that may be pushed under rises with it, so that nobody pushes under the old keys.
 * @throws CloisterError POLICY_DENIED (logged), USAGE, NOT_FOUND (domain)
 */
export async function rotateKeys(session: Session, options: RotateOptions): Promise<Rotated> {
  await session.sync();
  const { compiled, text } = await session.policy();
  const { policy } = compiled;
  const domains =
    options.domain === undefined ? policy.domains.map(({ id }) => id) : [domainOf(policy, options.domain)];
  const { justification, dryRun = false } = options;
  const ask: Ask = {
    title: `rotate the keys of ${options.domain ?? policy.project}${options.class ? `/${options.class}` : ""}`,
    action: "key.rotate",
    ...(justification === undefined ? {} : { justification }),
    sealed: { domain: options.domain, class: options.class, justification },
  };
  const change = changeOf(session, policy, text, domains, options.class);
  const rotate = async (dry: boolean) => await submitKeys(session, change, { ...options, dryRun: dry });
  await (dryRun ? wouldPermit : permit)(session, ask);
  const planned = await rotate(true);
  // What waits for others happens when the last of them signs: then the new keys are made, and the version logged.
  const waits = dryRun || planned.pending !== undefined;
  const submitted = waits
    ? await rotate(dryRun)
    : (await perform(session, ask, async () => ({ result: await rotate(false) }))).result;
  return {
    keys: submitted.made.map((key) => keyOf(submitted.next, key)),
    policyVersion: change.version,
    policyDigest: submitted.digest,
    logEntry: submitted.logEntry,
    pending: submitted.pending,
    dryRun,
  };
}

interface Change {
  readonly version: number;
  readonly text: string;
  /** `domain/class` of keys that the text does not ask for. */
  readonly rekey: readonly string[];
}

function changeOf(
  session: Session,
  policy: Policy,
  text: string,
  domains: readonly string[],
  klass: string | undefined,
): Change {
  const next = { version: policy.version + 1, previous: session.ledger.inForce.digest };
  if (klass === undefined) {
    const epochs = raisedEpochs(session, policy, domains);
    return { version: next.version, text: setEpochs(text, epochs, next), rekey: [] };
  }
  if (!policy.classifications.includes(klass)) {
    throw new CloisterError("USAGE", `the policy has no class ${klass}`, {
      next: `--class, one of: ${policy.classifications.join(", ")}`,
    });
  }
  return { version: next.version, text: setVersion(text, next), rekey: domains.map((domain) => `${domain}/${klass}`) };
}

/** The version that gives the new keys force is a change of the policy, decided and logged as one. */
async function submitKeys(
  session: Session,
  { version, text, rekey }: Change,
  options: RotateOptions,
): Promise<Submitted> {
  const { justification, dryRun } = options;
  const ask: Ask = {
    title: `change the policy to version ${String(version)}`,
    action: "policy.change",
    ...(justification === undefined ? {} : { justification }),
    sealed: { justification },
  };
  const ifEdited = "set the epochs there, too";
  return submit(session, ask, Buffer.from(text), { dryRun, file: POLICY_FILE, ifEdited, rekey });
}

function keyOf(policy: Policy, key: string): Rotated["keys"][number] {
  const [domain = "", klass = "", epoch = ""] = key.split("/");
  return { domain, class: klass, epoch: Number(epoch), kms: kmsKeyOf(policy, klass) };
}

/** For each domain, an epoch that no class has yet: nobody pushes under older keys from then on. */
export function raisedEpochs(
  session: Session,
  { classifications }: Policy,
  domains: readonly string[],
): ReadonlyMap<string, number> {
  const newest = (domain: string, klass: string) => session.keys.epochsOf({ domain, class: klass }).at(-1) ?? 0;
  return new Map(
    domains.map((domain) => [domain, Math.max(...classifications.map((klass) => newest(domain, klass))) + 1]),
  );
}
