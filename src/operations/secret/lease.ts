// Leases: a secret's value leaves the store for one use, decided and on record.
import { isUtf8 } from "node:buffer";
import { CloisterError } from "../../base/errors.ts";
import { type Ask, perform, permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { LeaseOptions, SecretLease } from "../types.ts";
import { dueOf } from "./due.ts";
import { requireSecret } from "./list.ts";
import { openSecret, placeOfSecret, type Secret } from "./secrets.ts";
import { checkHarmless, variableOf } from "./variable.ts";
import { referenceTo } from "./write.ts";

const TTL_MS = 3_600_000;

/**
 * Hands a value out on the host. It leaves the project's reach there, so `creds.issue` is asked for beside `secret.read`.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), INTEGRITY
 */
export async function leaseSecret(session: Session, options: LeaseOptions): Promise<SecretLease> {
  await session.sync();
  const place = await placeOfSecret(session, options.name, options.domain);
  const secret = await requireSecret(session, place);
  const { ttlMs = TTL_MS, purpose, justification } = options;
  const variable = secret.metadata.env ?? variableOf(place.name);
  if (options.asVariable) checkHarmless(variable, referenceTo(place));
  const { value, logEntry } = await takeOut(session, secret, { to: "host", ttlMs, purpose, justification });
  const { domain, class: klass, number } = secret.record;
  const now = await session.clock();
  const { atMs } = dueOf((await session.policy()).compiled.policy, secret.logged, now);
  const end = now + ttlMs;
  const expiresAtMs = Math.floor(atMs !== undefined && atMs > now ? Math.min(end, atMs) : end);
  const text = options.asVariable ? textOf(value, referenceTo(place)) : isText(value) && value.toString("utf8");
  const environment = text === false ? {} : { [variable]: text };
  return {
    ...{ reference: referenceTo(place), domain, name: place.name, class: klass, number, value },
    credential: { provider: "secret", expiresAtMs, environment },
    logEntry,
  };
}

/** What a value is taken out for. */
export interface Taking {
  /** `workspace`: it stays in a sandbox of ours. */
  readonly to: "host" | "hook" | "workspace";
  readonly workspace?: { readonly id: string; readonly name: string } | undefined;
  readonly ttlMs?: number | undefined;
  readonly purpose?: string | undefined;
  readonly justification?: string | undefined;
}

/** Decides, opens and logs. @throws CloisterError POLICY_DENIED (logged), INTEGRITY */
export async function takeOut(
  session: Session,
  secret: Secret,
  taking: Taking,
): Promise<{ readonly value: Buffer; readonly logEntry: number }> {
  const ask = takingAsk(secret, taking);
  const { to, ttlMs } = taking;
  if (to !== "workspace") await permit(session, { ...ask, action: "creds.issue", ttlMs, next: stayInside(secret) });
  const { result, done } = await perform(session, ask, async (_operation, released) => {
    const value = await openSecret(session, secret);
    released();
    return { result: value, outcome: { facts: ask.facts ?? {} } };
  });
  return { value: result, logEntry: done.entry };
}

export function takingAsk({ record, metadata }: Secret, taking: Taking): Ask {
  const { domain, class: klass, secretId, number } = record;
  const { to, workspace, ttlMs, purpose, justification } = taking;
  const reference = `${domain}/${metadata.name}`;
  const where = workspace ? ` in workspace ${workspace.name}` : "";
  return {
    ...{ title: `use secret ${reference}${where}`, action: "secret.read" },
    ...{ domain, class: klass, workspace: workspace?.id, purpose, justification },
    facts: { secretId, number, to, ttlMs },
    sealed: { secret: reference, workspace: workspace?.name, purpose, justification },
  };
}

function stayInside({ metadata }: Secret): string {
  return `cloister run WORKSPACE --secret ${metadata.name} -- COMMAND   (the secret stays in the sandbox)`;
}

/** A value as an environment can hold it. @throws CloisterError USAGE */
export function textOf(value: Uint8Array, reference: string): string {
  if (isText(value)) return Buffer.from(value).toString("utf8");
  throw new CloisterError("USAGE", `${reference} is no text, and cannot be in a variable`, {
    next: `--secret ${reference.split("/")[1] ?? ""}:/run/secrets/NAME`,
  });
}

function isText(value: Uint8Array): boolean {
  return isUtf8(value) && !value.includes(0);
}
