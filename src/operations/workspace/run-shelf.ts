// The records of a workspace's runs on this device, one file each: a day's work has hundreds, and each may list a thousand
// files. What is known before a run starts is written then, so that one whose program was killed is not forgotten.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RecordedRun } from "../../provenance/made-by.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import type { Session } from "../session.ts";
import { runsFolderOf, type WorkspaceState } from "./state.ts";

/** Two lists of a thousand paths, a list of software, and what a trace saw. */
const RECORD_BYTES_MAX = 8 * 1024 * 1024;

interface Shelved {
  readonly workspace: string;
  readonly run: RecordedRun;
}

/** Called when a run begins, and again when it has ended. */
export async function shelveRun(session: Session, { id, name }: WorkspaceState, run: RecordedRun): Promise<void> {
  const record: Shelved = { workspace: id, run };
  await writeLocal(join(runsFolderOf(session, name), `${run.id}.json`), JSON.stringify(record));
}

/** Takes back that a run began. */
export async function unshelveRun(session: Session, { name }: WorkspaceState, id: string): Promise<void> {
  await rm(join(runsFolderOf(session, name), `${id}.json`), { force: true });
}

/** All runs of a workspace in the order in which they began; those of an earlier workspace of that name are left out. */
export async function shelvedRuns(session: Session, state: WorkspaceState): Promise<readonly RecordedRun[]> {
  const folder = runsFolderOf(session, state.name);
  const files = (await readdir(folder).catch(() => [])).filter((file) => file.endsWith(".json"));
  const read = await Promise.all(files.map((file) => readRun(join(folder, file), state.id)));
  const runs = new Map<string, RecordedRun>();
  // Those that an earlier release recorded stand there alone.
  for (const run of [...state.runs, ...read.filter((found) => found !== undefined)]) runs.set(run.id, run);
  return [...runs.values()].sort((a, b) => Date.parse(a.startedOn) - Date.parse(b.startedOn));
}

async function readRun(path: string, workspace: string): Promise<RecordedRun | undefined> {
  const bytes = await readLocal(path, RECORD_BYTES_MAX);
  try {
    const record = JSON.parse(bytes?.toString("utf8") ?? "null") as Shelved | null;
    return record?.workspace === workspace && typeof record.run.id === "string" ? record.run : undefined;
  } catch {
    // Our own file, cut short by a full disk: state.runs still names the run.
    return undefined;
  }
}
