// Copies files of a workspace out to this host: governed as pulling each of its inputs is, read hostilely, and marked with
// the class that they carry.
import { lstat, stat } from "node:fs/promises";
import { basename, dirname, join, posix, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import type { FileEntry } from "../../base/file-entry.ts";
import { checkAborted } from "../../content/abort.ts";
import { placeFiles } from "../../content/place-files.ts";
import { restoreFolder } from "../../content/restore.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import { addCarried, CLASS_FILE, wholeFolder } from "../artifact/class-file.ts";
import { perform, permit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Copied, CopyOutOptions } from "../types.ts";
import { copyAsk, pathInside } from "./copy-ask.ts";
import { requireRunning } from "./look.ts";
import { outputAsk } from "./run.ts";
import { sandboxOf } from "./sandbox.ts";
import { labelWithSource } from "./source.ts";
import type { WorkspaceState } from "./state.ts";

interface Count {
  files: number;
  bytes: number;
}

/** What is copied, and with which class. */
interface Leaving {
  readonly workspace: string;
  readonly path: string;
  readonly single: boolean;
  readonly carried: { readonly class: string; readonly from: string } | undefined;
}

/**
 * Copies a file or folder of `/workspace` out.
 * @throws CloisterError NOT_FOUND, USAGE (something is in the way), POLICY_DENIED (logged), FAILURE (anything but regular
 * files, a file that changes), INTERRUPTED; nothing is left half written
 */
export async function copyOut(session: Session, options: CopyOutOptions): Promise<Copied> {
  await session.sync();
  const { host } = session;
  const sandbox = await sandboxOf(host);
  const state = await requireRunning(session, sandbox, options.workspace);
  const path = pathInside(options.from);
  const next = `cloister push ${path || "."} --from ${state.name} --name NAME   (a version of its own, with its label)`;
  for (const input of state.inputs) await permit(session, outputAsk(state, input, next));
  const { classifications } = (await session.policy()).compiled.policy;
  const label = labelWithSource(session, state, classifications);
  const carried = label && { class: label.class, from: `workspace ${state.name} with ${label.from}` };
  const leaving = { workspace: state.name, path, single: await isFile(sandbox, state, path), carried };
  const count = { files: 0, bytes: 0 };
  const to = typeof options.to === "string" ? await targetOf(session, options.to, path, state.name) : undefined;
  const ask = copyAsk(state, label?.class, "out", `${path || "."} to ${to ?? "-"}`);
  const { done } = await perform(session, ask, async (_operation, released) => {
    const files = counted(session, sandbox.collect(state.holder, path), count);
    if (typeof options.to !== "string") await stream(files, options.to, leaving, released);
    else await write(session, files, to ?? "", leaving, options.force === true);
    return { result: undefined, outcome: { facts: { copied: "out", ...count } } };
  });
  const named = { workspace: state.name, from: `/workspace/${path}`, to: to ?? "-" };
  return { ...named, direction: "out", ...count, class: carried?.class, logEntry: done.entry };
}

async function isFile(sandbox: Sandbox, { holder }: WorkspaceState, path: string): Promise<boolean> {
  if (path === "") return false;
  const kind = (await sandbox.lookUp(holder, [path])).get(path)?.kind;
  return kind === "file" || kind === "executable";
}

/** The path that was given, or the copy's own name in a folder. */
async function targetOf({ host }: Session, to: string, path: string, workspace: string): Promise<string> {
  const place = resolve(host.cwd, to);
  const there = await stat(place).catch(() => undefined);
  return to.endsWith("/") || there?.isDirectory() ? join(place, posix.basename(path) || workspace) : place;
}

async function write(
  session: Session,
  files: AsyncIterable<FileEntry>,
  to: string,
  { single, carried }: Leaving,
  overwrite: boolean,
): Promise<void> {
  const { signal } = session.host;
  const { project } = session.config;
  const [folder, name] = [dirname(to), basename(to)];
  const free = !overwrite || !(await lstat(to).catch(() => undefined));
  if (!single && free) {
    const extra = carried ? [{ path: CLASS_FILE, bytes: wholeFolder(project, carried) }] : [];
    await restoreFolder(to, files, extra, { signal });
    return;
  }
  const { classifications } = (await session.policy()).compiled.policy;
  const root = single ? folder : to;
  const place = single ? () => name : (path: string) => path;
  // Before the files are there: where this is cut off, none must lie there without its class.
  const first = async () => {
    if (carried) await addCarried({ project, classifications }, root, single ? name : ".", carried);
  };
  await placeFiles(root, files, { place, overwrite, first, signal });
}

async function stream(
  files: AsyncIterable<FileEntry>,
  to: Exclude<CopyOutOptions["to"], string>,
  { workspace, path, single }: Leaving,
  released: () => void,
): Promise<void> {
  if (!single) {
    throw new CloisterError("USAGE", `${path || "."} is not one file`, {
      why: "only a single file can go to standard output",
      next: `cloister ws cp ${workspace}:${path || "."} DIR`,
    });
  }
  for await (const file of files) {
    released();
    for await (const piece of file.read()) {
      await new Promise<void>((done, fail) => to.write(piece, (error) => (error ? fail(error) : done())));
    }
  }
}

async function* counted({ host }: Session, files: AsyncIterable<FileEntry>, count: Count): AsyncGenerator<FileEntry> {
  for await (const file of files) {
    // What it says of classes is not for the workspace's code to say.
    if (posix.basename(file.path) === CLASS_FILE) continue;
    if (file.kind !== "directory") count.files++;
    yield {
      ...file,
      read: async function* () {
        for await (const piece of file.read()) {
          checkAborted(host.signal);
          count.bytes += piece.length;
          host.progress({ step: "copying", bytes: count.bytes, bytesTotal: undefined });
          yield piece;
        }
      },
    };
  }
}
