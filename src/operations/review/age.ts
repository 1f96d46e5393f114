// How long ago a member's access was confirmed: the fact that lapsed access is judged by.
import type { GovernanceFacts } from "../../policy/facts.ts";
import { holds } from "../../policy/review.ts";
import { type Holding, holdingText, type Member, type Policy } from "../../policy/schema.ts";
import type { Act } from "../governance/facts.ts";
import type { Ledger } from "../ledger.ts";
import type { InForce } from "../policy-ledger.ts";
import { type Verdict, verdictsOn } from "./verdicts.ts";

/** Of everything that a member holds, what was confirmed the longest ago. */
export async function reviewOf({ session, policy, member, now, before }: Act): Promise<GovernanceFacts> {
  if (!policy.accessReview) return {};
  const verdicts = await verdictsOn(session.ledger, member.id, before);
  const ages = await reviewAges(session.ledger, policy, member, { now, before, verdicts });
  return { reviewAgeMs: Math.max(0, ...ages.values()) };
}

/** Said to be taken away. */
const LAPSED = Number.MAX_SAFE_INTEGER;

/** When the log is looked at. */
interface Moment {
  readonly now: number;
  readonly before: number;
  /** What was said of the member's access before that, by holding. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  /** Since when a holding that nobody confirmed is held, to the day; left out, only whether its time is over. */
  readonly exact?: boolean;
}

/** Age of the last confirmation by holding, in ms; {@link LAPSED} where it is to be taken away. */
export async function reviewAges(
  ledger: Ledger,
  policy: Policy,
  member: Member,
  at: Moment,
): Promise<ReadonlyMap<string, number>> {
  const everyMs = policy.accessReview?.everyMs ?? 0;
  const ages = new Map<string, number>();
  for (const holding of member.roles) {
    const verdict = at.verdicts.get(holdingText(holding));
    const age = ageOf(verdict, at.now) ?? (await sinceHeld(ledger, member, holding, { ...at, everyMs }));
    ages.set(holdingText(holding), age);
  }
  return ages;
}

function ageOf(verdict: Verdict | undefined, now: number): number | undefined {
  if (!verdict) return undefined;
  return verdict.verdict === "revoke" ? LAPSED : Math.max(0, now - verdict.timeMs);
}

/**
 * For a holding that nobody confirmed yet: owners signed it, which counts as a confirmation. For a decision only the policy
 * that was in force one period ago is looked at. Where it had the holding, and asked for reviews, the period is over; else
 * it is not.
 */
async function sinceHeld(
  ledger: Ledger,
  member: Member,
  holding: Holding,
  { now, before, exact, everyMs }: Moment & { readonly everyMs: number },
): Promise<number> {
  const isHeldIn = async ({ version }: InForce) => {
    const { policy } = (await ledger.policy(version)).compiled;
    return policy.accessReview !== undefined && holds(policy, member.id, holding);
  };
  const then = inForceAt(ledger, now - everyMs, before);
  if (!then) return now - timeOf(ledger, ledger.policies[0]);
  if (await isHeldIn(then)) return now - timeOf(ledger, then);
  if (!exact) return everyMs;
  const later = ledger.policies.filter(({ entry }) => entry > then.entry && entry < before);
  let since: InForce | undefined;
  for (const each of [...later].reverse()) {
    if (!(await isHeldIn(each))) break;
    since = each;
  }
  return since ? Math.max(0, now - timeOf(ledger, since)) : 0;
}

function inForceAt(ledger: Ledger, timeMs: number, before: number): InForce | undefined {
  return [...ledger.policies].reverse().find((each) => each.entry < before && timeOf(ledger, each) < timeMs);
}

function timeOf(ledger: Ledger, version: InForce | undefined): number {
  return version === undefined ? 0 : (ledger.events[version.entry]?.timeMs ?? 0);
}
