// What `status` says about access that nobody confirmed.
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { accessLines } from "./review.ts";

/** For the member whose access lapses, and for whoever can do something about it. */
export async function reviewWarnings(session: Session, policy: Policy, member: string): Promise<readonly string[]> {
  if (!policy.accessReview) return [];
  const open = (await accessLines(session, policy)).filter(({ state }) => state !== "confirmed");
  const warnings = open
    .filter((line) => line.member === member)
    .map(({ holding, state, due }) => {
      if (state === "due") return `your access as ${holding} lapses on ${due?.slice(0, 10) ?? ""}: ask for its review`;
      const why = state === "lapsed" ? "was not confirmed in time" : "is to be taken away";
      return `your access as ${holding} ${why}: you can only read`;
    });
  const yours = open.filter((line) => line.yours && line.state !== "to be revoked").length;
  if (yours === 0) return warnings;
  const lines = yours === 1 ? "1 access is" : `${String(yours)} accesses are`;
  return [...warnings, `${lines} due for review: cloister member review --due`];
}
