// The public library. The command line uses nothing else of it.
import type { Streams } from "./base/streams.ts";
import { type Governance, governanceOf } from "./index/governance.ts";
import { type Leaving, leavingOf } from "./index/leaving.ts";
import { type Stages, stagesOf } from "./index/stages.ts";
import { type StoreCare, storeCareOf } from "./index/store-care.ts";
import type { KeySet } from "./operations/creds/jwks.ts";
import type { ProcessDocument } from "./operations/creds/process.ts";
import type { Serving } from "./operations/creds/serve.ts";
import type { Host } from "./operations/host.ts";
import type { Session } from "./operations/session.ts";
import type * as T from "./operations/types.ts";

export { CloisterError, type ErrorCode, type Refusal } from "./base/errors.ts";
export type { Streams } from "./base/streams.ts";
export type { Governance } from "./index/governance.ts";
export { diffPolicies, simulatePolicy, testPolicy } from "./index/policy-trials.ts";
export type { Stages } from "./index/stages.ts";
export type { KeySet } from "./operations/creds/jwks.ts";
export type { ProcessDocument } from "./operations/creds/process.ts";
export type { Serving } from "./operations/creds/serve.ts";
export type { Host, Progress } from "./operations/host.ts";
export type * from "./operations/types.ts";

/**
 * An open project. Every call is decided by the policy in force and recorded in the project's log.
 *
 * Calls reject with {@link CloisterError}: POLICY_DENIED with the rules that refused, NOT_AUTHENTICATED where this device
 * is no member or its identity cannot be unlocked, INTEGRITY for anything tampered with, UNAVAILABLE where the store
 * fails (try again), INTERRUPTED after `host.signal` was aborted.
 */
export interface Project extends Governance, Leaving, Stages, StoreCare {
  /** Encrypts, signs and stores files as a new version of an artifact. */
  push(options: T.PushOptions): Promise<T.Pushed>;
  /** Decrypts a version, or some of its files, into a new or empty folder; or a single file to a place or a stream. */
  pull(options: T.PullOptions): Promise<T.Pulled>;
  /** Versions this member can see, by name and number; of one artifact where `name` is given. */
  list(options: T.ListOptions): Promise<T.Listing>;
  /** The files of a version, or those that a selection means; nothing of their contents is fetched. */
  listFiles(reference: string, select?: T.Selection): Promise<T.FileListing>;
  /** Everything about one version. */
  show(reference: string): Promise<T.VersionDetail>;
  /** Checks files, signature, signer, label and log of a pulled folder or of a version in the store. */
  verify(target: T.VerifyTarget): Promise<T.Verified>;
  /** Creates a sandboxed workspace with its inputs mounted read-only. */
  createWorkspace(options: T.WorkspaceOptions): Promise<T.WorkspaceDetail>;
  listWorkspaces(): Promise<readonly T.WorkspaceSummary[]>;
  showWorkspace(name: string): Promise<T.WorkspaceDetail>;
  /** Environment templates that a workspace can be made from. */
  listTemplates(): Promise<readonly T.WorkspaceTemplate[]>;
  /** Runs a command in a workspace; its exit code is in the result, never an error. */
  run(options: T.RunOptions, streams: Streams): Promise<T.RunResult>;
  /** Opens a shell in a workspace on the process's own terminal, and waits for its end. */
  shell(options: T.ShellOptions, streams: Streams): Promise<T.RunResult>;
  /** Brings newer code into a workspace; what the workspace itself changed is left alone. */
  syncWorkspace(options: T.SyncOptions): Promise<T.Synced>;
  /** Copies a file or folder into a workspace. */
  copyIn(options: T.CopyInOptions): Promise<T.Copied>;
  /** Copies a file or folder out of a workspace: governed as pulling its inputs is. */
  copyOut(options: T.CopyOutOptions): Promise<T.Copied>;
  /** Starts Jupyter in a workspace and forwards a port of loopback to it, until it ends or `host.signal` aborts. */
  openNotebook(options: T.NotebookOptions, opened: (notebook: T.NotebookOpened) => void): Promise<T.RunResult>;
  /** Ends a workspace and says what was in it. */
  destroyWorkspace(name: string, options?: T.DestroyOptions): Promise<T.Receipt>;
  /** Gives a workspace more time, within what the policy lets it live from its creation. */
  extendWorkspace(options: T.ExtendOptions): Promise<T.WorkspaceExtended>;
  /** Forgets workspaces that are over and, where asked to, ends those that nobody used for long. */
  pruneWorkspaces(options: T.PruneOptions): Promise<T.Pruned>;
  /** Seals a new secret in the store. */
  setSecret(options: T.SetSecretOptions): Promise<T.SecretChanged>;
  /** Gives a secret a new value. */
  rotateSecret(options: T.RotateSecretOptions): Promise<T.SecretChanged>;
  /** Erases a secret for everybody. */
  removeSecret(options: T.RemoveSecretOptions): Promise<T.SecretRemoved>;
  /** Names, dates and what is overdue; never a value. */
  listSecrets(): Promise<T.SecretListing>;
  showSecret(options: { readonly name: string; readonly domain?: string | undefined }): Promise<T.SecretSummary>;
  /** Hands a value out on this host. */
  leaseSecret(options: T.LeaseOptions): Promise<T.SecretLease>;
  status(): Promise<T.Status>;
  /** A short-lived credential: a kept one that is still good, or a new one, decided and logged. */
  getCredential(options: T.CredentialOptions): Promise<T.IssuedCredential>;
  /** The same for AWS, as its tools expect it of a credential process. */
  credentialProcess(options: T.CredentialOptions): Promise<ProcessDocument>;
  /** An endpoint from which unmodified AWS SDKs get credentials for as long as it runs. */
  serveCredentials(options: T.CredentialOptions, at: T.ServeOptions): Promise<Serving>;
  /** What a credential could do and why; none is issued. */
  explainCredential(options: T.CredentialOptions): Promise<T.CredentialExplained>;
  /** The keys that tokens are verified with. */
  credentialKeys(): Promise<KeySet>;
  /** Chooses the role in which this device opens a store in a bucket. */
  useOwnRole(asked: { readonly role?: string | undefined; readonly purpose?: string | undefined }): Promise<T.OwnRole>;
  /** What takes back the AWS sessions that this member was issued until now. */
  credentialRevocation(): Promise<Pick<T.CredentialsRevoked, "serverPolicy" | "serverRoles">>;
  /** Logs in at the provider that the policy names, as this device's member. */
  login(options: T.LoginOptions): Promise<T.LoggedIn>;
  /** Forgets the login, and tells the provider. */
  logout(): Promise<T.LoggedOut>;
}

/**
 * Opens the project that a folder lies in.
 *
 * @example
 * ```ts
 * import { open } from "cloister";
 *
 * const project = await open(host, { folder: "." });
 * const pushed = await project.push({ source: { path: "data/" }, name: "cohort:v1", kind: "dataset" });
 * ```
 * @throws CloisterError NOT_FOUND where there is no project
 */
export async function open(host: Host, options: { readonly folder: string }): Promise<Project> {
  const { openSession } = await import("./operations/session.ts");
  return projectOf(await openSession(host, options.folder));
}

/** Each operation is loaded when it is called: a light command does not pay for a heavy one. */
function projectOf(session: Session): Project {
  return {
    ...governanceOf(session),
    ...stagesOf(session),
    ...leavingOf(session),
    ...storeCareOf(session),
    push: async (options) => (await import("./operations/artifact/push.ts")).push(session, options),
    pull: async (options) => (await import("./operations/artifact/pull.ts")).pull(session, options),
    list: async (options) => (await import("./operations/artifact/list.ts")).list(session, options),
    listFiles: async (reference, select) =>
      (await import("./operations/artifact/list-files.ts")).listFiles(session, reference, select),
    show: async (reference) => (await import("./operations/artifact/list.ts")).show(session, reference),
    verify: async (target) => {
      const { verifyFolder, verifyReference } = await import("./operations/artifact/verify.ts");
      return "folder" in target
        ? verifyFolder(session, target.folder, target.partial === true)
        : verifyReference(session, target.reference);
    },
    createWorkspace: async (options) =>
      (await import("./operations/workspace/create.ts")).createWorkspace(session, options),
    listWorkspaces: async () => (await import("./operations/workspace/look.ts")).listWorkspaces(session),
    showWorkspace: async (name) => (await import("./operations/workspace/look.ts")).showWorkspace(session, name),
    listTemplates: async () => (await import("./operations/workspace/environment.ts")).listTemplates(session),
    run: async (options, streams) => (await import("./operations/workspace/run.ts")).run(session, options, streams),
    openNotebook: async (options, opened) =>
      (await import("./operations/workspace/notebook.ts")).openNotebook(session, options, opened),
    shell: async (options, streams) =>
      (await import("./operations/workspace/shell.ts")).shell(session, options, streams),
    syncWorkspace: async (options) => (await import("./operations/workspace/sync.ts")).syncWorkspace(session, options),
    copyIn: async (options) => (await import("./operations/workspace/copy-in.ts")).copyIn(session, options),
    copyOut: async (options) => (await import("./operations/workspace/copy-out.ts")).copyOut(session, options),
    destroyWorkspace: async (name, options) =>
      (await import("./operations/workspace/destroy.ts")).destroyWorkspace(session, name, options),
    extendWorkspace: async (options) =>
      (await import("./operations/workspace/extend.ts")).extendWorkspace(session, options),
    pruneWorkspaces: async (options) =>
      (await import("./operations/workspace/prune.ts")).pruneWorkspaces(session, options),
    setSecret: async (options) => (await import("./operations/secret/write.ts")).setSecret(session, options),
    rotateSecret: async (options) => (await import("./operations/secret/rotate.ts")).rotateSecret(session, options),
    removeSecret: async (options) => (await import("./operations/secret/write.ts")).removeSecret(session, options),
    listSecrets: async () => (await import("./operations/secret/list.ts")).listSecrets(session),
    showSecret: async ({ name, domain }) =>
      (await import("./operations/secret/list.ts")).showSecret(session, name, domain),
    leaseSecret: async (options) => (await import("./operations/secret/lease.ts")).leaseSecret(session, options),
    status: async () => (await import("./operations/project/status.ts")).status(session),
    getCredential: async (options) => (await import("./operations/creds/issue.ts")).getCredential(session, options),
    credentialProcess: async (options) =>
      (await import("./operations/creds/process.ts")).credentialProcess(session, options),
    serveCredentials: async (options, { socket, endsWithIt }) => {
      const { serveCredentials } = await import("./operations/creds/serve.ts");
      return serveCredentials(session, options, { at: socket === undefined ? "loopback" : { socket }, endsWithIt });
    },
    explainCredential: async (options) =>
      (await import("./operations/creds/explain.ts")).explainCredential(session, options),
    credentialKeys: async () => (await import("./operations/creds/jwks.ts")).keySet(session),
    useOwnRole: async (asked) => (await import("./operations/creds/own-access.ts")).useOwnRole(session, asked),
    credentialRevocation: async () => (await import("./operations/creds/revoke.ts")).serverRevocation(session),
    login: async (options) => (await import("./operations/login/login.ts")).login(session, options),
    logout: async () => (await import("./operations/login/login.ts")).logout(session),
  };
}

/** Whether a file is a share rather than the name of an artifact. */
export async function isShareFile(host: Pick<Host, "cwd">, path: string): Promise<boolean> {
  return (await import("./operations/share/open.ts")).isShareFile(host, path);
}

/** Opens a share. It needs no project; one in `folder` can vouch for the sharer. */
export async function openShare(host: Host, folder: string, options: T.OpenShareOptions): Promise<T.ShareOpened> {
  return (await import("./operations/share/open.ts")).openShare(host, folder, options);
}

/** Makes a project: identity, store, keys, policy version 1 and log. @throws CloisterError USAGE, UNSUPPORTED_HOST */
export async function create(host: Host, options: T.CreateOptions): Promise<T.Created> {
  return (await import("./operations/init.ts")).create(host, options);
}

/** What {@link create} would write. */
export async function plan(host: Host, options: T.CreateOptions): Promise<T.Plan> {
  return (await import("./operations/init.ts")).plan(host, options);
}

/** What this device and folder suggest for {@link create}. */
export async function detect(host: Host, folder: string): Promise<T.Detected> {
  return (await import("./operations/init.ts")).detect(host, folder);
}

/** Points a folder at the store of a project and returns the line to hand to its steward. */
export async function join(host: Host, options: T.JoinOptions): Promise<T.Joined> {
  return (await import("./operations/project/join.ts")).join(host, options);
}

/** What a join line says. @throws CloisterError USAGE, INTEGRITY */
export async function readJoinLine(line: string): Promise<T.JoinLine> {
  return (await import("./operations/project/join-line.ts")).readJoinLine(line);
}

/** The JSON Schema of policy files, for editors. */
export async function policySchema(): Promise<T.PolicySchema> {
  return (await import("./operations/policy/read.ts")).schemaOfPolicies();
}

/** Reads a policy file as strictly as it will be read when it is signed. */
export async function checkPolicy(host: Host, file: string): Promise<T.PolicyChecked> {
  return (await import("./operations/policy/read.ts")).checkPolicy(host, file);
}

/** Writes what AWS has to know of the policy in force, or of a file: roles, bucket and key policies, Terraform. */
export async function exportAws(host: Host, folder: string, options: T.AwsExportOptions): Promise<T.AwsExported> {
  return (await import("./operations/policy/aws.ts")).exportAws(host, folder, options);
}

/** How to read what is deployed, for {@link verifyAws}. */
export async function awsReadings(host: Host, folder: string, file?: string): Promise<T.AwsReadings> {
  return (await import("./operations/policy/aws.ts")).awsReadings(host, folder, file);
}

/** Compares what is deployed in AWS with what the policy makes. */
export async function verifyAws(host: Host, folder: string, options: T.AwsVerifyOptions): Promise<T.AwsVerified> {
  return (await import("./operations/policy/aws.ts")).verifyAws(host, folder, options);
}

/** Who this device is. @throws CloisterError NOT_AUTHENTICATED */
export async function whoAmI(host: Host, folder: string): Promise<T.WhoAmI> {
  return (await import("./operations/project/status.ts")).whoAmI(host, folder);
}

/** Forgets the unlocked identity before its time, and every credential that is kept. */
export async function lock(host: Host): Promise<{ readonly forgotten: boolean; readonly credentials: number }> {
  return (await import("./operations/project/status.ts")).lock(host);
}

/** Looks at what Cloister needs of this host. */
export async function doctor(host: Host, folder: string): Promise<T.Diagnosis> {
  return (await import("./operations/project/status.ts")).doctor(host, folder);
}

/** {@link Project.credentialProcess} from what is kept; undefined where the project has to be opened for it. */
export async function warmProcess(
  host: Pick<Host, "env" | "home" | "now">,
  folder: string,
  options: T.CredentialOptions,
): Promise<ProcessDocument | undefined> {
  return (await import("./operations/creds/process.ts")).warmProcess(host, folder, options);
}

/** Credentials that are kept on this device and endpoints that run; no secret, and no look at the store. */
export async function listCredentials(
  host: Pick<Host, "env" | "home" | "now">,
  folder: string,
): Promise<T.CredentialListing> {
  return (await import("./operations/creds/list.ts")).listCredentials(host, folder);
}

/** Forgets the credentials of a project on this device and ends its endpoints. */
export async function revokeCredentials(
  host: Pick<Host, "env" | "home">,
  folder: string,
): Promise<Pick<T.CredentialsRevoked, "credentials" | "serves">> {
  const { requireConfig } = await import("./operations/config.ts");
  const { project } = await requireConfig(folder);
  return (await import("./operations/creds/revoke.ts")).revokeCredentials(host, project);
}

/** The store in a bucket is opened with the keys at hand again. */
export async function dropOwnRole(host: Pick<Host, "env" | "home">, folder: string): Promise<void> {
  const { requireConfig } = await import("./operations/config.ts");
  const { project } = await requireConfig(folder);
  await (await import("./operations/creds/own-access.ts")).dropOwnRole(host, project);
}

/** What to set and what to leave out in the environment of a program that is handed a credential. */
export async function credentialEnvironment(given: Readonly<Record<string, string>>): Promise<T.CredentialVariables> {
  const { conflicting, guarding, OUR_SECRETS } = await import("./operations/creds/environment.ts");
  return { set: { ...guarding(given), ...given }, unset: conflicting(given), secrets: OUR_SECRETS };
}
