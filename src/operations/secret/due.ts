// When a secret is to have a new value. The log alone tells: nothing is opened, so that a glance at the project can say it.
import { formatDuration } from "../../base/units.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Ledger } from "../ledger.ts";
import type { LoggedSecret } from "./ledger.ts";

export interface Due {
  /** Ms since 1970; undefined where nothing asks for a new value. */
  readonly atMs: number | undefined;
  /** Why it is overdue; undefined where it is not. */
  readonly overdueWhy: string | undefined;
}

/**
 * The shorter of what the policy and the secret itself ask for; at once where the domain gave up the key epoch it is sealed
 * with, which is done when somebody leaves who could read it.
 */
export function dueOf(policy: Policy, logged: LoggedSecret, now: number): Due {
  const oldest = policy.domains.find(({ id }) => id === logged.domain)?.epoch ?? 1;
  if (logged.epoch < oldest) {
    const why = `it is sealed with key epoch ${String(logged.epoch)}, which ${logged.domain} has given up`;
    return { atMs: logged.done.timeMs, overdueWhy: why };
  }
  const ages = [policy.rotateSecretsMs, logged.rotateMs].filter((ms) => ms !== undefined);
  if (ages.length === 0) return { atMs: undefined, overdueWhy: undefined };
  const age = Math.min(...ages);
  const atMs = logged.done.timeMs + age;
  const who = age === policy.rotateSecretsMs ? "the policy" : "it";
  const late = now >= atMs ? `${who} asks for a new value every ${formatDuration(age)}` : undefined;
  return { atMs, overdueWhy: late };
}

/** Live secrets that are overdue, in the places that `where` picks. */
export function overdueIn(
  ledger: Ledger,
  policy: Policy,
  now: number,
  where: (place: { readonly domain: string; readonly class: string }) => boolean,
): number {
  const late = (logged: LoggedSecret) => where(logged) && dueOf(policy, logged, now).overdueWhy !== undefined;
  return ledger.secrets.live().filter(late).length;
}
