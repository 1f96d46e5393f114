// What takes sessions back that STS has given already: statements on the role that refuse whatever is older.

/**
 * An IAM policy that denies everything to a member's sessions issued before `beforeMs` (IAM user guide, "Revoke IAM role
 * temporary security credentials"). It is put on the role; sessions issued later work.
 *
 * @param beforeMs ms since 1970
 * @param member the sessions' source identity
 * @param anonymous whether sessions without a source identity are taken back, too, whosever they are: those that a provider's
 * token was given for do not say their member, unless the provider does
 */
export function denyOlderSessions(beforeMs: number, member: string, anonymous: boolean): object {
  const older = { DateLessThan: { "aws:TokenIssueTime": new Date(beforeMs).toISOString() } };
  const whose = [
    { StringEquals: { "aws:SourceIdentity": member } },
    ...(anonymous ? [{ Null: { "aws:SourceIdentity": "true" } }] : []),
  ];
  return {
    Version: "2012-10-17",
    Statement: whose.map((condition) => ({
      ...{ Effect: "Deny", Action: "*", Resource: "*" },
      Condition: { ...older, ...condition },
    })),
  };
}
