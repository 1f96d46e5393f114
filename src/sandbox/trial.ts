// Whether a driver works here, proved by a workspace that is made for it and ended again.
import { CloisterError } from "../base/errors.ts";
import type { FolderTask } from "./files/folder-task.ts";
import type { Problem } from "./host/programs.ts";
import type { CreateSpec, HolderState, Sandbox, VolumeOptions } from "./sandbox.ts";

/** Longer than a container takes on a busy machine; the workspace ends by then, too. */
const TRIAL_MS = 60_000;
const TRIAL: CreateSpec = { id: "trial", ttlMs: TRIAL_MS, diskBytes: 1024 * 1024 };

/**
 * Runs a script in a workspace that is made for it.
 *
 * @param start starts the script
 * @param explain what it means where that fails, told from what it printed
 * @returns undefined where all went well
 */
export async function tryOut(
  driver: Pick<Sandbox, "create" | "stop">,
  volume: VolumeOptions,
  start: (state: HolderState) => FolderTask,
  explain: (message: string) => Problem,
): Promise<Problem | undefined> {
  try {
    const state = await driver.create({ ...TRIAL, ...volume });
    try {
      const { exit, message } = await endOf(start(state));
      return exit === 0 ? undefined : explain(message);
    } finally {
      await driver.stop(state);
    }
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    return { why: error.why ?? error.message, next: error.next ?? "cloister doctor" };
  }
}

async function endOf(task: FolderTask): Promise<Awaited<FolderTask["ended"]>> {
  const timer = setTimeout(() => task.kill(), TRIAL_MS);
  task.stdin.end();
  task.stdout.resume();
  return await task.ended.finally(() => clearTimeout(timer));
}
