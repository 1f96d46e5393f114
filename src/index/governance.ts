// The part of the public library that is about people, keys, the policy and the log.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** What members, owners and officers do besides working with data. */
export interface Governance {
  /** Adds the person behind a join line: a new signed policy version, and their class keys. */
  addMember(options: T.AddMemberOptions): Promise<T.MemberAdded>;
  /** Asks an escrow holder to open one version in an emergency. Undefined of a dry run. */
  invokeBreakGlass(options: T.BreakGlassOptions): Promise<T.BreakGlassSaid | undefined>;
  consentToBreakGlass(options: {
    readonly id: string;
    readonly dryRun?: boolean | undefined;
  }): Promise<T.BreakGlassSaid>;
  reviewBreakGlass(options: T.BreakGlassReview): Promise<T.BreakGlassSaid>;
  listBreakGlass(): Promise<T.BreakGlassListing>;
  showBreakGlass(id: string): Promise<T.BreakGlassSummary>;
  listMembers(): Promise<readonly T.MemberSummary[]>;
  /** Takes a member's roles and keys away, with new keys for what they could read, and says what they read. */
  suspendMember(options: T.ChangeMemberOptions): Promise<T.MemberSuspended>;
  restoreMember(options: T.ChangeMemberOptions): Promise<T.MemberChanged>;
  /** Adds another device of a member, by its join line. */
  addMemberDevice(options: T.AddDeviceOptions): Promise<T.MemberChanged>;
  removeMemberDevice(options: T.RemoveDeviceOptions): Promise<T.MemberChanged>;
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
  /** A line that pins what whoever gets it must find in the store. */
  invite(options: T.InviteOptions): Promise<T.Invited>;
  /** Who asks to join, for those who may add members. */
  listJoins(): Promise<{ readonly joins: readonly T.JoinRequestSummary[]; readonly junk: number }>;
  showJoin(id: string): Promise<T.JoinRequestSummary>;
  /** Adds whoever filed a join request, once they proved to hold both keys. */
  approveJoin(options: T.AnswerJoinOptions): Promise<T.JoinApproved>;
  denyJoin(options: { readonly id: string }): Promise<{ readonly id: string }>;
  /** Waits until a request is decided. Rejects with APPROVAL_PENDING where the time is over. */
  waitForRequest(options: { readonly id: string; readonly timeoutMs?: number | undefined }): Promise<T.RequestDetail>;
  /** Keys of classes, names and the log: where each is kept, since when, and whether it opens for this member. */
  listKeys(): Promise<readonly T.KeySummary[]>;
  /** New keys for classes; versions pushed before stay readable. */
  rotateKeys(options: T.RotateOptions): Promise<T.Rotated>;
  /** Gives the keys that this member holds to devices that may have them and were given none. */
  handOnKeys(): Promise<T.ClassKeysHandedOn>;
  /** Seals the halves of keys that this member holds to those who are to hold them by now. */
  handOnHalves(): Promise<T.HandedOn>;
  /** The policy in force. */
  showPolicy(): Promise<T.PolicyShown>;
  /** What the policy would say to a request; nothing is logged. */
  explainPolicy(options: T.ExplainOptions): Promise<T.Explained>;
  /** Signs the local policy file as the next version; it takes force when as many owners signed as both versions ask for. */
  proposePolicy(options: {
    readonly justification?: string | undefined;
    readonly dryRun?: boolean | undefined;
  }): Promise<T.Proposed>;
  /** Versions that wait for signatures; `all`: those that came too late, too. */
  listProposals(options: { readonly all?: boolean | undefined }): Promise<readonly T.ProposalSummary[]>;
  showProposal(which?: string): Promise<T.ProposalShown>;
  signProposal(options: T.SignOptions): Promise<T.PolicySigned>;
  /** Takes this member's signature back. */
  withdrawProposal(which?: string): Promise<T.ProposalWithdrawn>;
  /** Every version that took force, oldest first, each step verified. */
  policyLog(): Promise<readonly T.PolicyLogRow[]>;
  /** The log, with the sealed parts this member can open. */
  listAudit(options: T.AuditListOptions): Promise<readonly T.AuditRow[]>;
  /** Checks the whole log from its first entry. */
  verifyAudit(): Promise<T.AuditVerified>;
}

/** Each operation is loaded when it is called. */
export function governanceOf(session: Session): Governance {
  return {
    addMember: async (options) => (await import("../operations/policy/change.ts")).addMember(session, options),
    listMembers: async () => (await import("../operations/member/list.ts")).listMembers(session),
    suspendMember: async (options) => (await import("../operations/member/change.ts")).suspendMember(session, options),
    restoreMember: async (options) => (await import("../operations/member/change.ts")).restoreMember(session, options),
    addMemberDevice: async (options) =>
      (await import("../operations/member/change.ts")).addMemberDevice(session, options),
    removeMemberDevice: async (options) =>
      (await import("../operations/member/change.ts")).removeMemberDevice(session, options),
    handOnKeys: async () => (await import("../operations/key/hand-on.ts")).handOnKeys(session),
    listProposals: async ({ all = false }) =>
      (await import("../operations/policy/sign.ts")).listProposals(session, all),
    showProposal: async (which) => (await import("../operations/policy/sign.ts")).showProposal(session, which),
    signProposal: async (options) => (await import("../operations/policy/sign.ts")).signProposal(session, options),
    withdrawProposal: async (which) => (await import("../operations/policy/sign.ts")).withdrawProposal(session, which),
    policyLog: async () => (await import("../operations/policy/log.ts")).policyLog(session),
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
    invite: async (options) => (await import("../operations/project/invitation.ts")).invite(session, options),
    listJoins: async () => (await import("../operations/project/joins.ts")).listJoins(session),
    showJoin: async (id) => (await import("../operations/project/joins.ts")).showJoin(session, id),
    approveJoin: async (options) =>
      (await import("../operations/project/answer-join.ts")).approveJoin(session, options),
    denyJoin: async (options) => (await import("../operations/project/answer-join.ts")).denyJoin(session, options),
    waitForRequest: async (options) => (await import("../operations/request/wait.ts")).waitForRequest(session, options),
    invokeBreakGlass: async (options) =>
      (await import("../operations/break-glass/invoke.ts")).invokeBreakGlass(session, options),
    consentToBreakGlass: async (options) =>
      (await import("../operations/break-glass/answer.ts")).consentToBreakGlass(session, options),
    reviewBreakGlass: async (options) =>
      (await import("../operations/break-glass/answer.ts")).reviewBreakGlass(session, options),
    listBreakGlass: async () => (await import("../operations/break-glass/list.ts")).listBreakGlass(session),
    showBreakGlass: async (id) => (await import("../operations/break-glass/list.ts")).showBreakGlass(session, id),
    listKeys: async () => (await import("../operations/key/list.ts")).listKeys(session),
    rotateKeys: async (options) => (await import("../operations/key/rotate.ts")).rotateKeys(session, options),
    handOnHalves: async () => (await import("../operations/release/hand-on.ts")).handOn(session),
    showPolicy: async () => (await import("../operations/policy/read.ts")).showPolicy(session),
    explainPolicy: async (options) => (await import("../operations/policy/explain.ts")).explainPolicy(session, options),
    proposePolicy: async (options) => (await import("../operations/policy/change.ts")).proposePolicy(session, options),
    listAudit: async (options) => (await import("../operations/project/audit.ts")).listAudit(session, options),
    verifyAudit: async () => (await import("../operations/project/audit.ts")).verifyAudit(session),
  };
}
