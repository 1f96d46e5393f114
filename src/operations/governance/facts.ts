// What the log tells about an act before it is decided. Gathered for the guard now, and for readers at any earlier entry.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Action } from "../../policy/actions.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Member, Policy } from "../../policy/schema.ts";
import { glassFacts } from "../break-glass/facts.ts";
import { approvalsOf } from "../request/gather.ts";
import { fateFacts } from "../retention/fate.ts";
import { reviewOf } from "../review/age.ts";
import type { Session } from "../session.ts";
import { evidenceOf } from "./evidence.ts";
import { pastOf } from "./past.ts";
import { quotasOf } from "./quotas.ts";
import { stageOf } from "./stage.ts";

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

/** Each looks at the policy first, and at the log only where the policy asks for what it would find. */
const GATHER: readonly Gather[] = [
  pastOf,
  quotasOf,
  reviewOf,
  // These judge what others did, which is to gather facts again: named when they are called, not when this is loaded.
  (act) => approvalsOf(act),
  (act) => stageOf(act),
  (act) => evidenceOf(act),
  (act) => fateFacts(act),
  (act) => glassFacts(act),
];

/** What is gathered stands above what was said: nobody can claim a fact. */
export async function factsOf(act: Act): Promise<GovernanceFacts> {
  const gathered = await Promise.all(GATHER.map((gather) => gather(act)));
  return Object.assign({}, act.said, ...gathered) as GovernanceFacts;
}
