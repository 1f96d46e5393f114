// What was said about a member's access: each line of a review, as far as whoever signed it was entitled to say it.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Json } from "../../base/json.ts";
import { mayReview } from "../../policy/review.ts";
import type { Ledger } from "../ledger.ts";

/** One line: a member's role is kept, or is to be taken away. */
export interface Line {
  readonly member: string;
  /** `role` or `role@domain`. */
  readonly holding: string;
  readonly verdict: "keep" | "revoke";
}

/** A line that counts, with who said it and when. */
export interface Verdict extends Line {
  readonly by: string;
  readonly timeMs: number;
  readonly entry: number;
}

/** The newest verdict that counts on each holding of a member, by holding. Entries from `before` on do not count. */
export async function verdictsOn(
  ledger: Ledger,
  member: string,
  before = Number.POSITIVE_INFINITY,
): Promise<ReadonlyMap<string, Verdict>> {
  const newest = new Map<string, Verdict>();
  for (const logged of ledger.index.of("member.review")) {
    if (logged.entry >= before) break;
    if (logged.event.phase !== "done") continue;
    const lines = linesIn(logged).filter((line) => line.member === member);
    if (lines.length === 0 || !(await counts(ledger, logged, member))) continue;
    for (const line of lines) {
      newest.set(line.holding, { ...line, by: logged.member, timeMs: logged.timeMs, entry: logged.entry });
    }
  }
  return newest;
}

/** By the policy of the intent, which the reviewer was decided by, and by that of its end: an intent is not to be kept. */
async function counts(ledger: Ledger, done: LoggedEvent, member: string): Promise<boolean> {
  const intent = ledger.operation(done.keyId, done.event.operation)?.intent;
  if (!intent) return false;
  for (const version of new Set([intent.event.policy, done.event.policy])) {
    const { policy } = (await ledger.policy(version)).compiled;
    if (!mayReview(policy, done.member, member)) return false;
  }
  return true;
}

/** Lines that an entry has; whatever else stands there is none. */
function linesIn({ event }: LoggedEvent): readonly Line[] {
  const lines: Json | undefined = event.facts?.["lines"];
  if (!Array.isArray(lines)) return [];
  return lines.flatMap((line: Json) => {
    if (line === null || typeof line !== "object" || Array.isArray(line)) return [];
    const { member, holding, verdict } = line as { readonly [key: string]: Json | undefined };
    if (typeof member !== "string" || typeof holding !== "string") return [];
    return verdict === "keep" || verdict === "revoke" ? [{ member, holding, verdict }] : [];
  });
}
