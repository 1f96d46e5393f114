// When a workspace was last used: while a command uses it, a file stands beside its record that names the command's process;
// when the command has ended, the file tells by its time.
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { mkdir, rename, rm, utimes, writeFile } from "node:fs/promises";
import { isAlive } from "../../base/process-alive.ts";
import type { Session } from "../session.ts";
import { besideRecord, filesThere, workspaceFolder } from "./folder.ts";

const SUFFIX = /^\.active(?:-(\d+)-[0-9a-f]{12})?$/;

export interface Activity {
  /** A command uses it now. */
  readonly active: boolean;
  /** ms since 1970 at which the last one ended, or was seen last; undefined where none did. */
  readonly lastMs: number | undefined;
}

/** Does something in a workspace (a run, a shell, a copy, a push) that counts as its use, also while it lasts. */
export async function whileActive<T>(session: Session, name: string, act: () => Promise<T>): Promise<T> {
  const unique = `.active-${String(process.pid)}-${randomBytes(6).toString("hex")}`;
  const mark = besideRecord(session, name, unique);
  // Not worth waiting for the disk: after a crash of the machine the workspace is gone, too.
  await mkdir(workspaceFolder(session), { recursive: true, mode: 0o700 });
  await writeFile(mark, "", { mode: 0o600 });
  try {
    return await act();
  } finally {
    const now = session.host.now() / 1000;
    // What was done is done, and a workspace destroyed meanwhile has no activity left to tell of.
    await utimes(mark, now, now)
      .then(() => rename(mark, besideRecord(session, name, ".active")))
      .catch(() => rm(mark, { force: true }));
  }
}

export function activityOf(session: Session, name: string): Activity {
  let active = false;
  let lastMs: number | undefined;
  for (const file of filesThere(session)) {
    const mark = file.startsWith(name) ? SUFFIX.exec(file.slice(name.length)) : null;
    if (!mark) continue;
    if (mark[1] !== undefined && isAlive(Number(mark[1]))) active = true;
    const { mtimeMs = 0 } = statSync(besideRecord(session, file, ""), { throwIfNoEntry: false }) ?? {};
    lastMs = Math.max(lastMs ?? 0, mtimeMs);
  }
  return { active, lastMs };
}

/** Whether a file beside the records tells of the use of a workspace. */
export function isActivityOf(name: string, file: string): boolean {
  return file.startsWith(name) && SUFFIX.test(file.slice(name.length));
}
