// What takes sessions back that STS has given already: statements on the role that refuse whatever is older.
import { documentOf, type PolicyDocument } from "./document.ts";
import { sessionsOf } from "./sessions-of.ts";

/**
 * An IAM policy that denies everything to a member's sessions issued before `beforeMs` (IAM user guide, "Revoke IAM role
 * temporary security credentials"). It is put on the role; sessions issued later work.
 *
 * @param beforeMs ms since 1970
 */
export function denyOlderSessions(beforeMs: number, member: string): PolicyDocument {
  const older = { DateLessThan: { "aws:TokenIssueTime": new Date(beforeMs).toISOString() } };
  return documentOf(
    sessionsOf([member]).map((theirs) => ({
      Effect: "Deny",
      Action: "*",
      Resource: "*",
      Condition: { ...older, ...theirs },
    })),
  );
}
