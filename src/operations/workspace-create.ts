// Creating a workspace: decided, sandboxed, then filled with what the policy allows, each mount on record.
import { randomBytes } from "node:crypto";
import { CloisterError } from "../base/errors.ts";
import { checkName } from "../base/name.ts";
import type { Policy } from "../policy/schema.ts";
import { artifactUri } from "../provenance/manifest.ts";
import type { HolderState, Sandbox } from "../sandbox/sandbox.ts";
import { codeSource } from "./code-source.ts";
import { type Ask, begin, permit, wouldPermit } from "./guard.ts";
import { domainOf, resolve } from "./resolve.ts";
import { workingSandbox } from "./sandbox.ts";
import type { Session } from "./session.ts";
import type { WorkspaceDetail, WorkspaceOptions } from "./types.ts";
import { contentOf } from "./version-content.ts";
import { referenceOf, type Version } from "./versions.ts";
import { detailOf } from "./workspace.ts";
import { findWorkspace, saveWorkspace, type WorkspaceInput, type WorkspaceState } from "./workspace-state.ts";

const HOUR_MS = 3_600_000;
/** Where neither a flag nor the role says otherwise. */
const TTL_MS_DEFAULT = 8 * HOUR_MS;
const DISK_BYTES_DEFAULT = 1_000_000_000;

interface PlannedInput {
  readonly version: Version;
  readonly input: WorkspaceInput;
  readonly ask: Ask;
}

/**
 * Creates a sandboxed workspace with its inputs mounted read-only.
 * @throws CloisterError USAGE, NOT_FOUND, POLICY_DENIED (logged), UNSUPPORTED_HOST, FAILURE; nothing is left running
 */
export async function createWorkspace(session: Session, options: WorkspaceOptions): Promise<WorkspaceDetail> {
  const name = checkName(options.name, "workspace name");
  await session.sync();
  const { policy } = (await session.policy()).compiled;
  const limits = await limitsOf(session, policy);
  const sandbox = await workingSandbox(session.host);
  const old = await findWorkspace(session, name);
  if (old && sandbox.alive(old.holder)) {
    throw new CloisterError("USAGE", `workspace ${name} exists already`, {
      next: `cloister run ${name} -- CMD   (or: cloister workspace destroy ${name})`,
    });
  }
  const id = randomBytes(16).toString("hex");
  const planned = await planInputs(session, options, id);
  const domain = domainOf(policy, options.domain ?? planned[0]?.version.record.domain);
  const ttlMs = options.ttlMs ?? Math.min(TTL_MS_DEFAULT, limits.ttlMs);
  const diskBytes = options.diskBytes ?? Math.min(DISK_BYTES_DEFAULT, limits.diskBytes);
  const { purpose, justification } = options;
  const ask: Ask = {
    ...{ title: `create workspace ${name}`, action: "workspace.create" },
    ...{ domain, purpose, justification, ttlMs, diskBytes, workspace: id },
    facts: { ttlMs, diskBytes },
    sealed: { workspace: name, purpose, justification, inputs: planned.map(({ input }) => input.reference).join(" ") },
  };
  for (const { ask: mount } of planned) checkDomain(domain, mount);
  if (options.dryRun) {
    await wouldPermit(session, ask);
    for (const { ask: mount } of planned) await wouldPermit(session, mount);
    throw new CloisterError("USAGE", "nothing was created", { why: "--dry-run: the policy would allow it" });
  }
  await permit(session, ask);
  // All mounts are decided before anything starts: a workspace without its inputs helps nobody.
  for (const { ask: mount } of planned) await permit(session, mount);
  const operation = await begin(session, ask);
  const holder = await sandbox.create({ id, ttlMs, diskBytes });
  try {
    const inputs: WorkspaceInput[] = [];
    for (const input of planned) inputs.push(await mount(session, sandbox, holder, input));
    const code = await copyCode(session, sandbox, holder, options.code);
    const createdMs = session.host.now();
    const times = { createdMs, expiresMs: holder.expiresMs };
    const common = { v: 1 as const, id, name, domain, purpose, diskBytes, holder, inputs, code, runs: [], pushed: [] };
    const done = await operation.done();
    const state: WorkspaceState = { ...common, ...times, logEntry: done.entry };
    await saveWorkspace(session, state);
    return await detailOf(session, sandbox, state);
  } catch (error) {
    await sandbox.stop(holder);
    throw error;
  }
}

/** The longest time and the largest volume that some role of this member allows. */
async function limitsOf(session: Session, policy: Policy): Promise<{ ttlMs: number; diskBytes: number }> {
  const me = await session.me();
  const limits = policy.roles
    .filter((role) => me.roles.some((held) => held.role === role.id) && role.can.includes("workspace.create"))
    .map((role) => role.workspace);
  const most = (values: (number | undefined)[]) => Math.max(...values.map((value) => value ?? Number.MAX_SAFE_INTEGER));
  if (limits.length === 0) return { ttlMs: TTL_MS_DEFAULT, diskBytes: DISK_BYTES_DEFAULT };
  return { ttlMs: most(limits.map((l) => l.ttlMs)), diskBytes: most(limits.map((l) => l.diskBytes)) };
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
    const version = await resolve(session, reference);
    const { record, header } = version;
    const at = path ?? `/inputs/${header.name}`;
    if (paths.has(at))
      throw new CloisterError("USAGE", `two inputs at ${at}`, { next: "write --input REF:/inputs/other" });
    paths.add(at);
    planned.push({ version, input: inputOf(session, version, at), ask: mountAsk(options, version, workspace) });
    if (!/^\/inputs\/[a-z0-9][a-z0-9._-]*$/.test(at)) {
      throw new CloisterError("USAGE", `inputs are mounted below /inputs, not at ${at}`, {
        next: `--input ${referenceOf(record.domain, header.name, header.label, record.number)}:/inputs/${header.name}`,
      });
    }
  }
  return planned;
}

function splitInput(text: string): [string, string | undefined] {
  const at = text.indexOf(":/");
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function inputOf({ config }: Session, { record, header, versionId }: Version, path: string): WorkspaceInput {
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
    reference: referenceOf(domain, name, header.label, number),
    path,
  };
}

function mountAsk(options: WorkspaceOptions, { record, header, versionId }: Version, workspace: string): Ask {
  const reference = referenceOf(record.domain, header.name, header.label, record.number);
  return {
    ...{ title: `mount ${reference} in workspace ${options.name}`, action: "workspace.mount", reference },
    ...{ domain: record.domain, class: record.class, kind: header.kind, versionId, workspace },
    ...{ purpose: options.purpose, justification: options.justification },
    sealed: { artifact: reference, workspace: options.name, purpose: options.purpose },
  };
}

/** The intent is on record before a byte of plain text exists in the workspace. */
async function mount(
  session: Session,
  sandbox: Sandbox,
  holder: HolderState,
  planned: PlannedInput,
): Promise<WorkspaceInput> {
  const { version, input, ask } = planned;
  const operation = await begin(session, ask);
  await sandbox.fill(holder, { input: input.name }, await contentOf(session, version));
  await operation.done();
  return input;
}

async function copyCode(
  session: Session,
  sandbox: Sandbox,
  holder: HolderState,
  given: string | undefined,
): Promise<WorkspaceState["code"]> {
  const source = await codeSource(session, given);
  if (!source) return undefined;
  await sandbox.fill(holder, "workspace", source.files);
  return { folder: source.folder, files: source.count(), git: source.git };
}
