// Creating a workspace: decided, sandboxed, then filled with what the policy allows, each mount on record.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../../base/errors.ts";
import { checkName } from "../../base/name.ts";
import type { Limits } from "../../sandbox/limits/limits.ts";
import type { HolderState, Sandbox, VolumeKind } from "../../sandbox/sandbox.ts";
import { manifestOf } from "../artifact/check-manifest.ts";
import { checkDomain, domainOf } from "../artifact/resolve.ts";
import { contentOf } from "../artifact/version-content.ts";
import { type Ask, begin, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { WorkspaceDetail, WorkspaceOptions } from "../types.ts";
import { type CodeSource, codeSource } from "./code-source.ts";
import { checkCarried } from "./copy-ask.ts";
import { endSame } from "./destroy.ts";
import { planEnvironment, sealedFacts, type WorkspaceEnvironment } from "./environment.ts";
import { limitsOf, requireHeld, requireHoldable } from "./limits.ts";
import { detailOf } from "./look.ts";
import { checkMounts } from "./mounts.ts";
import { type PlannedInput, planInputs } from "./plan-inputs.ts";
import { driverOf, provenWorkspace, sandboxOf, workingSandbox } from "./sandbox.ts";
import { saveSent, sendCode } from "./sent-code.ts";
import { setUp } from "./setup.ts";
import {
  changeWorkspace,
  findWorkspace,
  forgetWorkspace,
  makingWorkspace,
  saveWorkspace,
  type WorkspaceState,
} from "./state.ts";
import { type PlannedUse, planUse } from "./use.ts";
import { nobody, planVolume, requireRoom } from "./volume.ts";

/** A workspace as asked for, everything resolved and nothing started. */
interface WorkspacePlan {
  readonly id: string;
  readonly name: string;
  readonly domain: string;
  readonly ttlMs: number;
  readonly diskBytes: number;
  readonly volume: VolumeKind;
  readonly volumeFolder: string;
  readonly limits: Limits;
  readonly planned: PlannedUse;
  readonly environment: WorkspaceEnvironment;
  readonly setup: readonly (readonly string[])[];
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
  const host = await sandboxOf(session.host);
  const old = await findOver(session, host, name);
  const source = await codeSource(session, options.code);
  const plan = await planWorkspace(session, host, options, name);
  const decideBy = options.dryRun ? wouldPermit : permit;
  // All mounts are decided before anything starts: a workspace without its inputs helps nobody.
  for (const ask of [plan.ask, ...plan.inputs.map((input) => input.ask)]) await decideBy(session, ask);
  if (source) {
    const { classifications } = (await session.policy()).compiled.policy;
    const label = highestOf(classifications, plan.inputs);
    await checkCarried(session, plan.ask, source, { label, dryRun: options.dryRun });
  }
  // Not before: trying it may use an image, which the policy alone says may be used. bubblewrap uses none, and is tried in
  // the workspace itself.
  const { use } = plan.planned;
  const tried = options.dryRun || driverOf(use) === "podman";
  const sandbox = await (tried ? workingSandbox : sandboxOf)(session.host, use);
  checkMounts(session, sandbox, plan.environment.mounts);
  if (plan.environment.devices.length > 0) sandbox.gpu();
  requireHoldable(sandbox, plan);
  if (options.dryRun) return previewOf(session, sandbox, plan, options);
  if (old) await endSame(session, sandbox, old, true);
  // Known before anything is logged or started: what a command leaves that is killed is found, and its end logged.
  await saveWorkspace(session, stateOf(session, plan, options, nobody(session, plan)));
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
  // Before anything is logged: a host that cannot isolate has attempted nothing. It is empty, and ends with us until it is kept.
  const holder = await provenWorkspace(sandbox, plan);
  const operation = await begin(session, plan.ask).catch(async (error: unknown) => {
    await sandbox.stop(holder).catch(() => undefined);
    throw error;
  });
  try {
    requireHeld(sandbox, holder, plan.planned.mustHold);
    const begun = { ...stateOf(session, plan, options, holder), keyId: operation.intent.keyId };
    await saveWorkspace(session, begun);
    for (const input of plan.inputs) await mount(session, sandbox, holder, input);
    const code = source && (await bringCode(session, sandbox, begun, source));
    for (const command of plan.setup) await setUp(session, begun, command);
    const done = await operation.done();
    const made = { code, createdMs: session.host.now(), logEntry: done.entry };
    const state = await changeWorkspace(session, begun, (latest) => ({ ...latest, ...made }));
    // Not before: what a killed command left half made must not live on.
    await sandbox.keep(holder);
    return await detailOf(session, sandbox, state);
  } catch (error) {
    await sandbox.stop(holder).catch(() => undefined);
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

async function planWorkspace(
  session: Session,
  sandbox: Sandbox,
  options: WorkspaceOptions,
  name: string,
): Promise<WorkspacePlan> {
  const { policy } = (await session.policy()).compiled;
  const { environment, use, setup } = await planEnvironment(session, sandbox, options);
  const planned = await planUse(session, policy, {
    ...use,
    ttlMs: options.ttlMs,
    diskBytes: options.diskBytes,
  });
  const id = randomBytes(16).toString("hex");
  const inputs = await planInputs(session, options, id);
  const domain = domainOf(policy, options.domain ?? inputs[0]?.version.record.domain, (each) => `add --domain ${each}`);
  for (const { ask } of inputs) checkDomain(domain, ask.domain);
  const { ttlMs, diskBytes } = planned;
  requireRoom(inputs, diskBytes);
  const volume = planVolume(session, await sandboxOf(session.host, planned.use), options, diskBytes);
  const { purpose, justification } = options;
  const ask: Ask = {
    ...{ title: `create workspace ${name}`, action: "workspace.create" },
    ...{ domain, purpose, justification, ttlMs, diskBytes, use: planned.asked, workspace: id },
    facts: { ttlMs, diskBytes },
    sealed: {
      ...{ workspace: name, purpose, justification, inputs: inputs.map(({ input }) => input.reference).join(" ") },
      ...sealedFacts(environment),
    },
  };
  const limits = limitsOf(planned.use);
  return { id, name, domain, ttlMs, diskBytes, ...volume, limits, planned, environment, setup, inputs, ask };
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
      environment: plan.environment,
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
  const label = highestOf(classifications, inputs);
  const detail = await detailOf(session, sandbox, stateOf(session, plan, options, nobody(session, plan)));
  return { ...detail, state: "running", leftMs: ttlMs, label, limits: sandbox.holdable(plan), logEntry: undefined };
}

/** The label that a workspace is going to have. */
function highestOf(classifications: readonly string[], inputs: readonly PlannedInput[]): string | undefined {
  return [...classifications].reverse().find((klass) => inputs.some(({ input }) => input.class === klass));
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

async function bringCode(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  source: CodeSource,
): Promise<WorkspaceState["code"]> {
  await saveSent(session, state, await sendCode(session, sandbox, state, source.files));
  return { folder: source.folder, files: source.count(), git: source.git };
}
