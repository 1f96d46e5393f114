// Brings newer code into a workspace: what differs is sent, and what the workspace itself changed is left alone.
import { byUtf8 } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { perform, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Synced, SyncOptions } from "../types.ts";
import { type CodeSource, codeSource } from "./code-source.ts";
import { checkCarried, copyAsk } from "./copy-ask.ts";
import { noting, remember } from "./known.ts";
import { requireRunning } from "./look.ts";
import { sandboxOf } from "./sandbox.ts";
import { type Marks, marking, markOf, markOfEntry, readSent, saveSent } from "./sent-code.ts";
import { labelWithSource } from "./source.ts";
import { changeWorkspace, type WorkspaceState } from "./state.ts";

interface Newer {
  readonly entry: FileEntry;
  readonly mark: string;
}

/** What is to happen to each path. */
export interface SyncPlan {
  readonly added: readonly string[];
  readonly updated: readonly string[];
  readonly removed: readonly string[];
  readonly kept: readonly string[];
  readonly unchanged: number;
}

/**
 * Brings newer code into a workspace, as it came in when it was created.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), FAILURE, INTERRUPTED
 */
export async function syncWorkspace(session: Session, options: SyncOptions): Promise<Synced> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = await requireRunning(session, sandbox, options.workspace);
  const source = await codeSource(session, options.code ?? state.code?.folder);
  if (!source) {
    throw new CloisterError("USAGE", `it is not known which code workspace ${state.name} is to get`, {
      next: `cloister ws sync ${state.name} --code FOLDER`,
    });
  }
  const { classifications } = (await session.policy()).compiled.policy;
  const label = labelWithSource(session, state, classifications)?.class;
  const ask = copyAsk(state, label, "sync", source.folder);
  await checkCarried(session, ask, source, { label, dryRun: options.dryRun });
  const newer = await readSource(session, source);
  const sent = await readSent(session, state);
  const marks = new Map([...newer].map(([path, { mark }]) => [path, mark]));
  const here = new Map(
    [...(await sandbox.lookUp(state.holder, [...new Set([...newer.keys(), ...sent.keys()])]))].map(([path, file]) => [
      path,
      markOf(file),
    ]),
  );
  const plan = planSync({ newer: marks, sent, here }, options);
  const going = [...plan.added, ...plan.updated].flatMap((path) => newer.get(path)?.entry ?? []);
  const bytes = going.reduce((sum, entry) => sum + entry.bytes, 0);
  const { git, folder } = source;
  const result = { workspace: state.name, folder, ...plan, bytes, commit: git?.commit, dirty: git?.dirty };
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return { ...result, dryRun: true, logEntry: undefined };
  }
  const { done } = await perform(session, ask, async () => {
    await send(session, sandbox, state, { source, sent, marks, plan, going });
    const facts = { copied: "sync", files: going.length, bytes, removed: plan.removed.length };
    return { result: undefined, outcome: { facts } };
  });
  return { ...result, dryRun: false, logEntry: done.entry };
}

/** The files of the source with their digests; they are read again when they are sent. */
async function readSource({ host }: Session, source: CodeSource): Promise<ReadonlyMap<string, Newer>> {
  const newer = new Map<string, Newer>();
  let bytes = 0;
  for await (const entry of source.files) {
    if (entry.kind === "directory") continue;
    newer.set(entry.path, { entry, mark: await markOfEntry(entry) });
    bytes += entry.bytes;
    host.progress({ step: "comparing", bytes, bytesTotal: undefined });
  }
  return newer;
}

/**
 * What differs from the source is sent, unless it also differs from what was sent before: then it is the workspace's own
 * work, as is a file that was removed there.
 */
export function planSync(
  files: { readonly newer: Marks; readonly sent: Marks; readonly here: Marks },
  { force = false, delete: deletes = false }: Pick<SyncOptions, "force" | "delete">,
): SyncPlan {
  const { newer, sent, here } = files;
  const plan = { added: [] as string[], updated: [] as string[], removed: [] as string[], kept: [] as string[] };
  let unchanged = 0;
  for (const [path, mark] of newer) {
    const [there, before] = [here.get(path), sent.get(path)];
    if (there === mark) unchanged++;
    // tar does not put a file in a folder's place.
    else if (there === "directory" || (there !== before && !force)) plan.kept.push(path);
    else (there === undefined ? plan.added : plan.updated).push(path);
  }
  for (const [path, mark] of sent) {
    const there = here.get(path);
    if (!deletes || newer.has(path) || there === undefined) continue;
    (there === mark || (force && there !== "directory") ? plan.removed : plan.kept).push(path);
  }
  for (const paths of Object.values(plan)) paths.sort(byUtf8);
  return { ...plan, unchanged };
}

async function send(
  session: Session,
  sandbox: Sandbox,
  state: WorkspaceState,
  work: {
    readonly source: CodeSource;
    readonly sent: Marks;
    readonly marks: Marks;
    readonly plan: SyncPlan;
    readonly going: readonly FileEntry[];
  },
): Promise<void> {
  const { source, plan, going } = work;
  await sandbox.remove(state.holder, plan.removed);
  const gone = new Map<string, string>();
  const contents: string[] = [];
  if (going.length > 0) await sandbox.fill(state.holder, "workspace", noting(marking(each(going), gone), contents));
  await remember(session, state.name, contents);
  const sent = new Map(work.sent);
  for (const path of plan.removed) sent.delete(path);
  const kept = new Set(plan.kept);
  for (const [path, mark] of work.marks) if (!kept.has(path)) sent.set(path, gone.get(path) ?? mark);
  await saveSent(session, state, sent);
  const code = { folder: source.folder, files: work.marks.size, git: source.git };
  await changeWorkspace(session, state, (latest) => ({ ...latest, code }));
}

async function* each(entries: readonly FileEntry[]): AsyncGenerator<FileEntry> {
  yield* entries;
}
