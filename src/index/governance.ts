// The part of the public library that is about people, keys, the policy and the log.
import type { Session } from "../operations/session.ts";
import type * as T from "../operations/types.ts";

/** What members, owners and officers do besides working with data. */
export interface Governance {
  /** Adds the person behind a join line: a new signed policy version, and their class keys. */
  addMember(options: T.AddMemberOptions): Promise<T.MemberAdded>;
  listMembers(): Promise<readonly T.MemberSummary[]>;
  /** Keys of classes, names and the log: where each is kept, since when, and whether it opens for this member. */
  listKeys(): Promise<readonly T.KeySummary[]>;
  /** New keys for classes; versions pushed before stay readable. */
  rotateKeys(options: T.RotateOptions): Promise<T.Rotated>;
  /** Seals the halves of keys that this member holds to those who are to hold them by now. */
  handOnHalves(): Promise<T.HandedOn>;
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
    listMembers: async () => (await import("../operations/policy/change.ts")).listMembers(session),
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
