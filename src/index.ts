// The public library. The command line uses nothing else of it.

import type { Streams } from "./base/streams.ts";
import type { Host } from "./operations/host.ts";
import type * as T from "./operations/types.ts";

export { CloisterError, type ErrorCode, type Refusal } from "./base/errors.ts";
export type { Streams } from "./base/streams.ts";
export type { Host, Progress } from "./operations/host.ts";
export type * from "./operations/types.ts";

/** An open project. Every call is decided by its policy and recorded in its log. */
export interface Project {
  push(options: T.PushOptions): Promise<T.Pushed>;
  pull(options: T.PullOptions): Promise<T.Pulled>;
  /** Versions this member can see, newest last; of one artifact where `name` is given. */
  list(options: { readonly name?: string | undefined }): Promise<T.Listing>;
  show(reference: string): Promise<T.VersionDetail>;
  verify(target: { readonly folder: string } | { readonly reference: string }): Promise<T.Verified>;
  createWorkspace(options: T.WorkspaceOptions): Promise<T.WorkspaceDetail>;
  listWorkspaces(): Promise<readonly T.WorkspaceSummary[]>;
  showWorkspace(name: string): Promise<T.WorkspaceDetail>;
  run(options: T.RunOptions, streams: Streams): Promise<T.RunResult>;
  destroyWorkspace(name: string): Promise<T.Receipt>;
  addMember(options: T.AddMemberOptions): Promise<T.MemberAdded>;
  listMembers(): Promise<readonly T.MemberSummary[]>;
  showPolicy(): Promise<T.PolicyShown>;
  explainPolicy(options: T.ExplainOptions): Promise<T.Explained>;
  proposePolicy(options: {
    readonly justification?: string | undefined;
    readonly dryRun?: boolean | undefined;
  }): Promise<T.Proposed>;
  listAudit(options: T.AuditListOptions): Promise<readonly T.AuditRow[]>;
  verifyAudit(): Promise<T.AuditVerified>;
  status(): Promise<T.Status>;
}

export declare function open(host: Host, options: { readonly folder: string }): Promise<Project>;
export declare function create(host: Host, options: T.CreateOptions): Promise<T.Created>;
export declare function plan(host: Host, options: T.CreateOptions): Promise<T.Plan>;
export declare function detect(host: Host, folder: string): Promise<T.Detected>;
export declare function join(host: Host, options: T.JoinOptions): Promise<T.Joined>;
export declare function readJoinLine(line: string): T.JoinLine;
export declare function checkPolicy(host: Host, file: string): Promise<T.PolicyChecked>;
export declare function whoAmI(host: Host, folder: string): Promise<T.WhoAmI>;
export declare function lock(host: Host): Promise<{ readonly forgotten: boolean }>;
export declare function doctor(host: Host, folder: string): Promise<T.Diagnosis>;
