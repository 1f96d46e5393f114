// What takes sessions back that STS has given already: a statement on the role that refuses whatever is older.

/**
 * An IAM policy that denies everything to sessions issued before `beforeMs` (IAM user guide, "Revoke IAM role temporary
 * security credentials"). It is put on the role; sessions issued later work.
 *
 * @param beforeMs ms since 1970
 * @param member where given, only sessions of this source identity
 */
export function denyOlderSessions(beforeMs: number, member: string | undefined): object {
  return {
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Deny",
        Action: "*",
        Resource: "*",
        Condition: {
          DateLessThan: { "aws:TokenIssueTime": new Date(beforeMs).toISOString() },
          ...(member === undefined ? {} : { StringEquals: { "aws:SourceIdentity": member } }),
        },
      },
    ],
  };
}
