// Copies files of this host into a workspace.
import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import { scanFolder } from "../../content/folder.ts";
import { isStaging } from "../../content/staging.ts";
import type { Sandbox, WorkspaceFile } from "../../sandbox/sandbox.ts";
import { type Sayer, sayersAbove } from "../artifact/carried-label.ts";
import { CLASS_FILE } from "../artifact/class-file.ts";
import { perform, permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Copied, CopyInOptions } from "../types.ts";
import { whileActive } from "./activity.ts";
import { sayersBelow } from "./code-source.ts";
import { checkCarried, copyAsk, pathInside } from "./copy-ask.ts";
import { copying } from "./copying.ts";
import { type Content, digesting, remember } from "./known.ts";
import { requireRunning } from "./look.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";

interface Going {
  readonly entries: readonly FileEntry[];
  readonly bytes: number;
  /** What may say which class they carry. */
  readonly sayers: readonly Sayer[];
  readonly only: string | undefined;
}

/**
 * Copies a file or folder into `/workspace`.
 * @throws CloisterError NOT_FOUND, USAGE (something is in the way), POLICY_DENIED (logged), FAILURE, INTERRUPTED
 */
export async function copyIn(session: Session, options: CopyInOptions): Promise<Copied> {
  await session.sync();
  const { host } = session;
  const sandbox = await sandboxOf(host);
  const state = await requireRunning(session, sandbox, options.workspace);
  const from = resolve(host.cwd, options.from);
  const { classifications } = (await session.policy()).compiled.policy;
  const label = labelWithSource(session, state, classifications)?.class;
  const ask = copyAsk(state, label, "in", `${from} to ${options.to}`);
  // Before anything of the workspace is looked at.
  await permit(session, ask);
  const going = await goingIn(session, options, from);
  await checkCarried(session, ask, going, { label });
  const to = await targetOf(sandbox, state, options, basename(from));
  const placed = going.entries.map((entry) => ({
    ...entry,
    path: going.only === undefined ? `${to}/${entry.path}` : to,
    read: () => entry.read(),
  }));
  const fresh = await checkFree(sandbox, state, placed, options.force === true);
  const files = placed.filter(({ kind }) => kind !== "directory").length;
  const contents: Content[] = [];
  const { done } = await perform(session, ask, async () => {
    const noted = digesting(copying(session, placed, going.bytes), (_file, content) => contents.push(content));
    const filling = () => sandbox.fill(state.holder, "workspace", noted);
    await whileActive(session, state.name, filling).catch(async (error: unknown) => {
      // Half a file is worse than none.
      await sandbox.remove(state.holder, fresh).catch(() => undefined);
      throw error;
    });
    await remember(session, state.name, contents);
    return { result: undefined, outcome: { facts: { copied: "in", files, bytes: going.bytes } } };
  });
  const named = { workspace: state.name, from, to: `/workspace/${to}` };
  return { ...named, direction: "in", files, bytes: going.bytes, class: undefined, logEntry: done.entry };
}

async function goingIn({ host }: Session, options: CopyInOptions, from: string): Promise<Going> {
  const there = await stat(from).catch(() => undefined);
  if (!there) {
    throw new CloisterError("NOT_FOUND", `there is no ${options.from}`, {
      why: `looked for ${from}`,
      next: "cloister ws cp PATH NAME:PATH   (PATH counts from the folder you are in)",
    });
  }
  const folder = there.isDirectory();
  const scan = await scanFolder(from, { signal: host.signal, exclude: isStaging });
  const entries: FileEntry[] = [];
  for await (const entry of scan) {
    if (basename(entry.path) === CLASS_FILE) continue;
    requirePlain(entry.path, options);
    entries.push(entry);
  }
  const above = await sayersAbove(from);
  if (!folder) return { entries, bytes: scan.bytes, sayers: above, only: basename(from) };
  return { entries, bytes: scan.bytes, sayers: [...above, ...(await sayersBelow(from, host.signal))], only: undefined };
}

function requirePlain(path: string, { workspace, from }: CopyInOptions): void {
  const why = pathProblem(path);
  if (why === undefined) return;
  const isGit = path.split("/").includes(".git");
  throw new CloisterError("USAGE", `${printable(path)} cannot be a file in a workspace`, {
    why,
    next: isGit
      ? `cloister ws sync ${workspace} --code ${from}   (what git tracks, without .git)`
      : "rename it, or copy the others one by one",
  });
}

/** Relative to /workspace: the name that was given, or the copy's own in a folder. */
async function targetOf(
  sandbox: Sandbox,
  { holder }: WorkspaceState,
  { to }: CopyInOptions,
  name: string,
): Promise<string> {
  const path = pathInside(to);
  if (path === "") return name;
  const found = (await sandbox.lookUp(holder, [path])).get(path);
  return to.endsWith("/") || found?.kind === "directory" ? `${path}/${name}` : path;
}

/** @returns the files that nothing is in the place of */
async function checkFree(
  sandbox: Sandbox,
  { name, holder }: WorkspaceState,
  placed: readonly FileEntry[],
  force: boolean,
): Promise<readonly string[]> {
  const found = await sandbox.lookUp(
    holder,
    placed.map(({ path }) => path),
  );
  const isBad = ({ path, kind }: FileEntry): boolean => blocks(found.get(path), kind, force);
  const bad = placed.filter(isBad);
  const [first, ...more] = bad;
  if (!first) return placed.flatMap(({ path, kind }) => (kind === "directory" || found.has(path) ? [] : [path]));
  const others = more.length > 0 ? `, and ${String(more.length)} more of them` : "";
  throw new CloisterError("USAGE", `${first.path} is in workspace ${name} already${others}`, {
    why: "nothing was copied",
    next: found.get(first.path)?.kind === "directory" ? "choose another name" : "--force overwrites it",
  });
}

function blocks(found: WorkspaceFile | undefined, kind: FileEntry["kind"], force: boolean): boolean {
  if (!found) return false;
  if (kind === "directory" || found.kind === "directory") return kind !== found.kind;
  return !force;
}
