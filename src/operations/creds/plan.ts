// What would be issued, decided: in which role, for which data, for how long. Whatever the policy refuses is left out.
import { CloisterError, type Refusal } from "../../base/errors.ts";
import { formatDuration } from "../../base/units.ts";
import { type Issuing, issuingEndMs, issuingRoles, longestLife, type Place } from "../../policy/issuing.ts";
import type { Policy, Role } from "../../policy/schema.ts";
import { type Ask, deny, permit, whyNot, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { SettledOptions } from "../types/creds.ts";

/** The workspace that a credential is for: it can be used for no more than what lies in there. */
export interface ForWorkspace {
  readonly id: string;
  readonly domain: string;
  readonly label: string;
}

/** How long a provider's credentials can live. */
export interface Lifetimes {
  readonly minMs: number;
  readonly maxMs: number;
}

/** A credential as decided, before it is issued. */
export interface IssuePlan {
  readonly member: string;
  readonly role: Role;
  /** Where it is good, from the least sensitive class. */
  readonly places: readonly Place[];
  readonly refused: readonly { readonly place: Place; readonly why: string }[];
  readonly ttlMs: number;
  /** When it must be over, ms since 1970. */
  readonly endMs: number;
  readonly policy: { readonly version: number; readonly digest: string };
  /** What is put to the guard: the most sensitive of the places stands for all. */
  readonly ask: Ask;
}

/**
 * Decides for every domain and class that the role reaches, and keeps those that are allowed.
 *
 * @throws CloisterError POLICY_DENIED (logged, but for a dry run) where none is; USAGE where the role is not clear, or lives too short
 */
export async function planIssue(
  session: Session,
  options: SettledOptions,
  lifetimes: Lifetimes,
  { workspace, dryRun = false }: { readonly workspace?: ForWorkspace | undefined; readonly dryRun?: boolean } = {},
): Promise<IssuePlan> {
  const refuse = dryRun ? wouldPermit : permit;
  const { policy } = (await session.policy()).compiled;
  const member = (await session.me()).id;
  const { role, places } = await theRole(session, { policy, member, options, workspace, dryRun });
  const ttlMs = lifeOf(role, options, lifetimes);
  const ask = (place: Place): Ask => askFor({ options, role, ttlMs, workspace, places }, place);
  const allowed: Place[] = [];
  const refused: { place: Place; why: string }[] = [];
  for (const place of places) {
    const refusals = await whyNot(session, ask(place));
    if (refusals.length === 0) allowed.push(place);
    else refused.push({ place, why: refusals[0]?.why ?? "" });
  }
  const [first] = places;
  const standsForAll = allowed.at(-1);
  if (!standsForAll) {
    if (first) await refuse(session, ask(first));
    throw new CloisterError("UNAVAILABLE", "the policy changed meanwhile", { next: "run it again" });
  }
  // Another role of theirs may let it live longer; this one does not.
  if (ttlMs > longestLife(role)) await deny(session, ask(standsForAll), tooLong(role), dryRun);
  const { version, digest } = session.ledger.inForce;
  const whole = askFor({ options, role, ttlMs, workspace, places: allowed }, standsForAll);
  const endMs = issuingEndMs(policy, options.purpose);
  return { member, role, places: allowed, refused, ttlMs, endMs, policy: { version, digest }, ask: whole };
}

interface Asked {
  readonly policy: Policy;
  readonly member: string;
  readonly options: SettledOptions;
  readonly workspace: ForWorkspace | undefined;
  readonly dryRun: boolean;
}

/** The one role to issue in. @throws CloisterError */
async function theRole(session: Session, { policy, member, options, workspace, dryRun }: Asked): Promise<Issuing> {
  const domain = workspace?.domain ?? options.domain;
  const narrowing = { ...options, domain, upTo: workspace?.label };
  const roles = issuingRoles(policy, member, narrowing);
  const [only, another] = roles;
  if (only && !another) return only;
  if (another) {
    throw new CloisterError("USAGE", "credentials are issued in one role, and you have several", {
      next: `--role, one of: ${roles.map(({ role }) => role.id).join(", ")}`,
    });
  }
  const known = issuingRoles(policy, member, { role: options.role });
  const purposeOnly = known[0]?.role.purposes;
  const [anywhere] = policy.domains;
  const place = { domain: domain ?? anywhere?.id, class: workspace?.label ?? policy.classifications[0] };
  const ask = { ...unplaced(options), ...place };
  // Says which role would be needed; allows where only what was narrowed to stands in the way.
  await (dryRun ? wouldPermit : permit)(session, ask);
  return deny(session, ask, notIn(options, purposeOnly), dryRun);
}

function tooLong(role: Role): Refusal {
  const { id, line } = role;
  const why = `role ${id} issues credentials for at most ${formatDuration(longestLife(role))}`;
  const next = "a shorter --ttl, or another --role";
  return { rule: `role:${id}`, line, enforcement: "advisory", why, next };
}

function notIn({ role, purpose, domain }: SettledOptions, purposes: readonly string[] | undefined): Refusal {
  const what = [role && `role ${role}`, purpose && `purpose ${purpose}`, domain && `domain ${domain}`];
  return {
    rule: "role",
    enforcement: "advisory",
    why: `no role of yours issues credentials with ${what.filter(Boolean).join(", ")} together`,
    next: purposes ? `--purpose, one of: ${purposes.join(", ")}` : "cloister whoami, and cloister policy show",
  };
}

/** @throws CloisterError USAGE */
function lifeOf(role: Role, { ttlMs, provider }: SettledOptions, { minMs, maxMs }: Lifetimes): number {
  const life = ttlMs ?? Math.min(longestLife(role), maxMs);
  if (life >= minMs && life <= maxMs) return life;
  const limit = life < minMs ? `at least ${formatDuration(minMs)}` : `at most ${formatDuration(maxMs)}`;
  throw new CloisterError("USAGE", `${provider} credentials cannot live ${formatDuration(life)}`, {
    why: `they live ${limit}`,
    next: ttlMs === undefined ? `an owner raises credentials.ttl of role ${role.id}` : "another --ttl",
  });
}

interface Asking {
  readonly options: SettledOptions;
  readonly role: Role;
  readonly ttlMs: number;
  readonly workspace: ForWorkspace | undefined;
  readonly places: readonly Place[];
}

function askFor({ options, role, ttlMs, workspace, places }: Asking, place: Place): Ask {
  const { provider, readOnly } = options;
  return {
    ...unplaced(options),
    ...{ ...place, ttlMs, workspace: workspace?.id },
    facts: { provider, role: role.id, ttlMs, readOnly: readOnly === true, places: places.map(placeText) },
  };
}

function unplaced({ provider, purpose, justification, audience }: SettledOptions): Ask {
  return {
    ...{ title: `get ${provider} credentials`, action: "creds.issue", purpose, justification },
    sealed: { purpose, justification, audience },
  };
}

/** `domain/class`. */
export function placeText(place: Place): string {
  return `${place.domain}/${place.class}`;
}
