// What the log tells about an act before it is decided. Gathered for the guard now, and for readers at any earlier entry.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Action } from "../../policy/actions.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import { type Member, memberOf, type Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { pastOf } from "./past.ts";
import { quotasOf } from "./quotas.ts";

/** The act, who wants it, and where in the log it stands. */
export interface Act {
  readonly session: Session;
  readonly policy: Policy;
  readonly member: Member;
  readonly action: Action;
  readonly domain: string | undefined;
  readonly class: string | undefined;
  /** Kind of artifact; undefined where it is not known. */
  readonly kind: string | undefined;
  readonly versionId: string | undefined;
  readonly purpose: string | undefined;
  /** Time of the decision, ms since 1970. */
  readonly now: number;
  /** Entries of the log before this one count. */
  readonly before: number;
  /** What the act itself says: destination, stage, class. */
  readonly said: GovernanceFacts;
  /** Its intent, where it stands in the log already. */
  readonly intent?: LoggedEvent | undefined;
}

type Gather = (act: Act) => GovernanceFacts | Promise<GovernanceFacts>;

/**
 * Each looks at the policy first, and at the log only where the policy asks for what it would find. What most projects do
 * not have is not even loaded: every command decides something.
 */
const GATHER: readonly Gather[] = [
  pastOf,
  quotasOf,
  async (act) => (act.policy.accessReview ? (await import("../review/age.ts")).reviewOf(act) : {}),
  async (act) => (asksOthers(act.policy) ? (await import("../request/gather.ts")).approvalsOf(act) : {}),
  async (act) => (act.policy.stages.length > 0 ? (await import("./stage.ts")).stageOf(act) : {}),
  async (act) => (act.policy.evidence.length > 0 ? (await import("./evidence.ts")).evidenceOf(act) : {}),
  async (act) => (isEnded(act) ? (await import("../retention/fate.ts")).fateFacts(act) : {}),
  async (act) => (act.policy.breakGlass ? (await import("../break-glass/facts.ts")).glassFacts(act) : {}),
];

/** Whether a policy wants anybody's consent to anything. */
function asksOthers({ rules, gates }: Policy): boolean {
  return rules.some(({ approvals, grant }) => approvals ?? grant) || gates.some(({ approvals }) => approvals);
}

/** Whether anything was ever retired, held or destroyed: policies have no say in what such an entry means. */
function isEnded({ session, versionId }: Act): boolean {
  return versionId !== undefined && session.ledger.index.of("artifact.retire").length > 0;
}

/** What is gathered stands above what was said: nobody can claim a fact. */
export async function factsOf(act: Act): Promise<GovernanceFacts> {
  const gathered = await Promise.all(GATHER.map((gather) => gather(act)));
  return Object.assign({}, act.said, ...gathered) as GovernanceFacts;
}

/** {@link factsOf} for what a member did or may do; nothing for who is none, whom no policy lets do anything. */
export async function factsFor(
  session: Session,
  policy: Policy,
  id: string,
  act: Omit<Act, "session" | "policy" | "member">,
): Promise<GovernanceFacts | undefined> {
  const member = memberOf(policy, id);
  return member && factsOf({ session, policy, member, ...act });
}
