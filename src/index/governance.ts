// The part of the public library that is about people, keys, the policy and the log.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** What members, owners and officers do besides working with data. */
export interface Governance {
  /** Adds the person behind a join line: a new signed policy version, and their class keys. */
  addMember(options: T.AddMemberOptions): Promise<T.MemberAdded>;
  listMembers(): Promise<readonly T.MemberSummary[]>;
  /** What everybody holds, when they last used it, and when it was confirmed. */
  listAccess(): Promise<T.AccessReviewed>;
  /** Signs that what a member holds stays, or is to be taken away. */
  reviewAccess(options: T.ReviewOptions): Promise<T.ReviewRecorded>;
  /** Asks others for access, an export, a promotion or a declassification of one version. */
  createRequest(options: T.RequestOptions): Promise<T.RequestCreated>;
  listRequests(options: T.RequestListOptions): Promise<T.RequestListing>;
  /** What a request asks, who approved it and exactly who still can. */
  showRequest(id: string): Promise<T.RequestDetail>;
  approveRequest(options: T.AnswerOptions): Promise<T.RequestAnswered>;
  denyRequest(options: T.AnswerOptions): Promise<T.RequestAnswered>;
  /** Takes one's own request back. */
  withdrawRequest(options: T.AnswerOptions): Promise<T.RequestAnswered>;
  /** Takes an approved request back. */
  revokeRequest(options: T.AnswerOptions): Promise<T.RequestAnswered>;
  /** Waits until a request is decided. Rejects with APPROVAL_PENDING where the time is over. */
  waitForRequest(options: { readonly id: string; readonly timeoutMs?: number | undefined }): Promise<T.RequestDetail>;
  /** Keys of classes, names and the log: where each is kept, since when, and whether it opens for this member. */
  listKeys(): Promise<readonly T.KeySummary[]>;
  /** New keys for classes; versions pushed before stay readable. */
  rotateKeys(options: T.RotateOptions): Promise<T.Rotated>;
  /** The policy in force. */
  showPolicy(): Promise<T.PolicyShown>;
  /** What the policy would say to a request; nothing is logged. */
  explainPolicy(options: T.ExplainOptions): Promise<T.Explained>;
  /** Signs and publishes the local policy file as the next version. */
  proposePolicy(options: {
    readonly justification?: string | undefined;
    readonly dryRun?: boolean | undefined;
  }): Promise<T.Proposed>;
  /** The log, with the sealed parts this member can open. */
  listAudit(options: T.AuditListOptions): Promise<readonly T.AuditRow[]>;
  /** Checks the whole log from its first entry. */
  verifyAudit(): Promise<T.AuditVerified>;
}

/** Each operation is loaded when it is called. */
export function governanceOf(session: Session): Governance {
  return {
    addMember: async (options) => (await import("../operations/policy/change.ts")).addMember(session, options),
    listAccess: async () => (await import("../operations/review/review.ts")).listAccess(session),
    reviewAccess: async (options) => (await import("../operations/review/review.ts")).reviewAccess(session, options),
    createRequest: async (options) => (await import("../operations/request/create.ts")).createRequest(session, options),
    listRequests: async (options) => (await import("../operations/request/list.ts")).listRequests(session, options),
    showRequest: async (id) => (await import("../operations/request/show.ts")).showRequest(session, id),
    approveRequest: async (options) =>
      (await import("../operations/request/approve.ts")).approveRequest(session, options),
    denyRequest: async (options) => (await import("../operations/request/answer.ts")).denyRequest(session, options),
    withdrawRequest: async (options) =>
      (await import("../operations/request/answer.ts")).withdrawRequest(session, options),
    revokeRequest: async (options) => (await import("../operations/request/answer.ts")).revokeRequest(session, options),
    waitForRequest: async (options) => (await import("../operations/request/wait.ts")).waitForRequest(session, options),
    listMembers: async () => (await import("../operations/member/list.ts")).listMembers(session),
    listKeys: async () => (await import("../operations/key/list.ts")).listKeys(session),
    rotateKeys: async (options) => (await import("../operations/key/rotate.ts")).rotateKeys(session, options),
    showPolicy: async () => (await import("../operations/policy/read.ts")).showPolicy(session),
    explainPolicy: async (options) => (await import("../operations/policy/explain.ts")).explainPolicy(session, options),
    proposePolicy: async (options) => (await import("../operations/policy/change.ts")).proposePolicy(session, options),
    listAudit: async (options) => (await import("../operations/project/audit.ts")).listAudit(session, options),
    verifyAudit: async () => (await import("../operations/project/audit.ts")).verifyAudit(session),
  };
}
