// Creating a workspace: decided, sandboxed, then filled with what the policy allows, each mount on record.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import { artifactUri } from "../../provenance/manifest.ts";
import type { Limits } from "../../sandbox/limits/limits.ts";
import type { HolderState, Sandbox } from "../../sandbox/sandbox.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { domainOf, resolve } from "../artifact/resolve.ts";
import { contentOf } from "../artifact/version-content.ts";
import { referenceTo, type Version } from "../artifact/versions.ts";
import { type Ask, begin, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { WorkspaceDetail, WorkspaceOptions } from "../types.ts";
import { type CodeSource, codeSource } from "./code-source.ts";
import { endSame } from "./destroy.ts";
import { noting, remember } from "./known.ts";
import { limitsOf, requireHeld, requireHoldable } from "./limits.ts";
import { detailOf } from "./look.ts";
import { sandboxOf, unmadeHolder, workingSandbox } from "./sandbox.ts";
import { marking, saveSent } from "./sent-code.ts";
import {
  changeWorkspace,
  findWorkspace,
  forgetWorkspace,
  makingWorkspace,
  saveWorkspace,
  type WorkspaceInput,
  type WorkspaceState,
} from "./state.ts";
import { type PlannedUse, planUse } from "./use.ts";

interface PlannedInput {
  readonly version: Version;
  readonly input: WorkspaceInput;
  readonly ask: Ask;
}

/** A workspace as asked for, everything resolved and nothing started. */
interface WorkspacePlan {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly ttlMs: number;
  readonly diskBytes: number;
  readonly limits: Limits;
  readonly planned: PlannedUse;
  readonly inputs: readonly PlannedInput[];
  readonly ask: Ask;
}

/**
 * Creates a sandboxed workspace with its inputs mounted read-only.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), UNSUPPORTED_HOST, FAILURE; nothing is left running
 */
export async function createWorkspace(session: Session, options: WorkspaceOptions): Promise<WorkspaceDetail> {
  const name = checkName(options.name, "workspace name");
  const create = () => createAlone(session, options, name);
  return options.dryRun ? await create() : await makingWorkspace(session, name, create);
}

async function createAlone(session: Session, options: WorkspaceOptions, name: string): Promise<WorkspaceDetail> {
  await session.sync();
  const old = await findOver(session, await sandboxOf(session.host), name);
  const source = await codeSource(session, options.code);
  const plan = await planWorkspace(session, options, name);
  const decideBy = options.dryRun ? wouldPermit : permit;
  // All mounts are decided before anything starts: a workspace without its inputs helps nobody.
  for (const ask of [plan.ask, ...plan.inputs.map((input) => input.ask)]) await decideBy(session, ask);
  const sandbox = await workingSandbox(session.host, plan.planned.use);
  requireHoldable(sandbox, plan);
  if (options.dryRun) return previewOf(session, sandbox, plan, options);
  if (old) await endSame(session, sandbox, old, true);
  // Known before anything is logged or started: what a command leaves that is killed is found, and its end logged.
  await saveWorkspace(session, stateOf(session, plan, options, unmadeHolder(plan, session.host.now())));
  try {
    return await make(session, sandbox, plan, options, source);
  } catch (error) {
    await forgetWorkspace(session, name);
    throw error;
  }
}

async function make(
  session: Session,
  sandbox: Sandbox,
  plan: WorkspacePlan,
  options: WorkspaceOptions,
  source: CodeSource | undefined,
): Promise<WorkspaceDetail> {
  const operation = await begin(session, plan.ask);
  let holder: HolderState | undefined;
  try {
    holder = await sandbox.create(plan);
    requireHeld(sandbox, holder, plan.planned.mustHold);
    const begun = { ...stateOf(session, plan, options, holder), keyId: operation.intent.keyId };
    await saveWorkspace(session, begun);
    for (const input of plan.inputs) await mount(session, sandbox, holder, input);
    const code = source && (await copyCode(session, sandbox, begun, source));
    const done = await operation.done();
    const made = { code, createdMs: session.host.now(), logEntry: done.entry };
    const state = await changeWorkspace(session, begun, (latest) => ({ ...latest, ...made }));
    // Not before: what a killed command left half made must not live on.
    await sandbox.keep(holder);
    return await detailOf(session, sandbox, state);
  } catch (error) {
    if (holder) await sandbox.stop(holder).catch(() => undefined);
    await operation.failed(error);
    throw error;
  }
}

/** A workspace of that name that is over gives way; one that runs does not. */
async function findOver(session: Session, sandbox: Sandbox, name: string): Promise<WorkspaceState | undefined> {
  const old = await findWorkspace(session, name);
  if (!old || !sandbox.alive(old.holder)) return old;
  throw new CloisterError("USAGE", `workspace ${name} exists already`, {
    next: `cloister run ${name} -- CMD   (or: cloister workspace destroy ${name})`,
  });
}

async function planWorkspace(session: Session, options: WorkspaceOptions, name: string): Promise<WorkspacePlan> {
  const { policy } = (await session.policy()).compiled;
  const planned = await planUse(session, policy, {
    ...options.use,
    ttlMs: options.ttlMs,
    diskBytes: options.diskBytes,
  });
  const id = randomBytes(16).toString("hex");
  const inputs = await planInputs(session, options, id);
  const domain = domainOf(policy, options.domain ?? inputs[0]?.version.record.domain);
  for (const { ask } of inputs) checkDomain(domain, ask);
  const { ttlMs, diskBytes } = planned;
  const { purpose, justification } = options;
  const ask: Ask = {
    ...{ title: `create workspace ${name}`, action: "workspace.create" },
    ...{ domain, purpose, justification, ttlMs, diskBytes, use: planned.asked, workspace: id },
    facts: { ttlMs, diskBytes },
    sealed: { workspace: name, purpose, justification, inputs: inputs.map(({ input }) => input.reference).join(" ") },
  };
  const limits = limitsOf(planned.use);
  return { id, name, domain, ttlMs, diskBytes, limits, planned, inputs, ask };
}

function stateOf(
  session: Session,
  plan: WorkspacePlan,
  options: WorkspaceOptions,
  holder: HolderState,
): WorkspaceState {
  const { id, name, domain, diskBytes, inputs } = plan;
  return {
    ...{
      v: 1,
      id,
      keyId: "",
      name,
      domain,
      diskBytes,
      holder,
      use: plan.planned.use,
      privateNetworks: plan.planned.privateNetworks,
      purpose: options.purpose,
      code: undefined,
      runs: [],
      pushed: [],
    },
    inputs: inputs.map(({ input }) => input),
    createdMs: session.host.now(),
    expiresMs: holder.expiresMs,
    logEntry: 0,
  };
}

/** What it would be, for `--dry-run`: there is no process behind it. */
async function previewOf(
  session: Session,
  sandbox: Sandbox,
  plan: WorkspacePlan,
  options: WorkspaceOptions,
): Promise<WorkspaceDetail> {
  const { ttlMs, inputs } = plan;
  const { classifications } = (await session.policy()).compiled.policy;
  const classes = inputs.map(({ input }) => input.class);
  const label = [...classifications].reverse().find((klass) => classes.includes(klass));
  const detail = await detailOf(
    session,
    sandbox,
    stateOf(session, plan, options, unmadeHolder(plan, session.host.now())),
  );
  return { ...detail, state: "running", leftMs: ttlMs, label, limits: sandbox.holdable(plan), logEntry: undefined };
}

function checkDomain(domain: string, mount: Ask): void {
  if (mount.domain === domain) return;
  throw new CloisterError("USAGE", `a workspace has data of one domain: ${domain} or ${mount.domain ?? ""}`, {
    why: "nothing crosses from one domain to another without an approved export",
    next: "create a workspace for each",
  });
}

/** Resolves `REF[:/path]` inputs, before anything is decided or started. */
async function planInputs(
  session: Session,
  options: WorkspaceOptions,
  workspace: string,
): Promise<readonly PlannedInput[]> {
  const planned: PlannedInput[] = [];
  const paths = new Set<string>();
  for (const text of options.inputs) {
    const [reference, path] = splitInput(text);
    const version = await resolve(session, reference, { action: "workspace.mount", purpose: options.purpose });
    const { header } = version;
    const at = path ?? `/inputs/${header.name}`;
    if (paths.has(at))
      throw new CloisterError("USAGE", `two inputs at ${at}`, { next: "write --input REF:/inputs/other" });
    paths.add(at);
    planned.push({ version, input: inputOf(session, version, at), ask: mountAsk(options, version, workspace) });
    if (!/^\/inputs\/[a-z0-9][a-z0-9._-]*$/.test(at)) {
      throw new CloisterError("USAGE", `inputs are mounted below /inputs, not at ${at}`, {
        next: `--input ${referenceTo(version)}:/inputs/${header.name}`,
      });
    }
  }
  return planned;
}

function splitInput(text: string): [string, string | undefined] {
  const at = text.indexOf(":/");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function inputOf({ config }: Session, version: Version, path: string): WorkspaceInput {
  const { record, header, versionId } = version;
  const { domain, number } = record;
  const { name, kind, licence } = header;
  return {
    name: path.slice("/inputs/".length),
    uri: artifactUri({ projectId: config.project, domain, name, number }),
    digest: header.dirHash,
    versionId,
    class: record.class,
    kind,
    licence,
    manifestDigest: header.manifest,
    reference: referenceTo(version),
    path,
  };
}

function mountAsk(options: WorkspaceOptions, version: Version, workspace: string): Ask {
  const { record, header, versionId } = version;
  const reference = referenceTo(version);
  return {
    ...{ title: `mount ${reference} in workspace ${options.name}`, action: "workspace.mount", reference },
    ...{ domain: record.domain, class: record.class, kind: header.kind, versionId, workspace },
    ...{ purpose: options.purpose, justification: options.justification },
    sealed: { artifact: reference, workspace: options.name, purpose: options.purpose },
  };
}

/** The intent is on record before a byte of plain text exists in the workspace. */
async function mount(session: Session, sandbox: Sandbox, holder: HolderState, planned: PlannedInput): Promise<void> {
  const { version, input, ask } = planned;
  const operation = await begin(session, ask);
  try {
    await manifestOf(session, version);
    await sandbox.fill(holder, { input: input.name }, await contentOf(session, version));
  } catch (error) {
    await operation.failed(error);
    throw error;
  }
  await operation.done();
}

async function copyCode(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  source: CodeSource,
): Promise<WorkspaceState["code"]> {
  const contents: string[] = [];
  const marks = new Map<string, string>();
  await sandbox.fill(state.holder, "workspace", noting(marking(source.files, marks), contents));
  await remember(session, state.name, contents);
  await saveSent(session, state, marks);
  return { folder: source.folder, files: source.count(), git: source.git };
}
