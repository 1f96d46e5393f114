// Copies files of this host into a workspace.
import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { pathProblem } from "../../base/path.ts";
import { printable } from "../../base/terminal.ts";
import { checkAborted } from "../../content/abort.ts";
import { folderFiles, folderSize } from "../../content/folder.ts";
import type { Sandbox, WorkspaceFile } from "../../sandbox/sandbox.ts";
import { CLASS_FILE } from "../artifact/class-file.ts";
import { PROVENANCE_FILE } from "../artifact/provenance-file.ts";
import { perform } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Copied, CopyInOptions } from "../types.ts";
import { classFilesIn } from "./code-source.ts";
import { checkCarried, copyAsk, pathInside } from "./copy-ask.ts";
import { noting, remember } from "./known.ts";
import { requireRunning } from "./look.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";

interface Going {
  readonly entries: readonly FileEntry[];
  readonly bytes: number;
  /** What may say which class they carry. */
  readonly manifests: readonly string[];
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
  const contents: string[] = [];
  const { done } = await perform(session, ask, async () => {
    await sandbox
      .fill(state.holder, "workspace", noting(counted(session, placed, going.bytes), contents))
      .catch(async (error: unknown) => {
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
  const { bytes } = await folderSize(from, { signal: host.signal });
  const entries: FileEntry[] = [];
  for await (const entry of folderFiles(from, { signal: host.signal })) {
    if (basename(entry.path) === CLASS_FILE) continue;
    requirePlain(entry.path, options);
    entries.push(entry);
  }
  if (folder) return { entries, bytes, manifests: await classFilesIn(from, host.signal), only: undefined };
  const manifests = [PROVENANCE_FILE, CLASS_FILE].map((name) => join(dirname(from), name));
  return { entries, bytes, manifests, only: basename(from) };
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

async function* counted(
  { host }: Session,
  entries: readonly FileEntry[],
  bytesTotal: number,
): AsyncGenerator<FileEntry> {
  let bytes = 0;
  for (const entry of entries) {
    yield {
      ...entry,
      read: async function* () {
        for await (const piece of entry.read()) {
          checkAborted(host.signal);
          bytes += piece.length;
          host.progress({ step: "copying", bytes, bytesTotal });
          yield piece;
        }
      },
    };
  }
}
