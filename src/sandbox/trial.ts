// Whether a driver works here, proved by a command in a workspace.
import { CloisterError } from "../base/errors.ts";
import type { FolderTask } from "./files/folder-task.ts";
import type { Problem } from "./host/programs.ts";
import type { CreateSpec, Sandbox, VolumeOptions } from "./sandbox.ts";

/** Longer than a container takes on a busy machine; a workspace made for the trial ends by then, too. */
const TRIAL_MS = 60_000;
const TRIAL: CreateSpec = { id: "trial", ttlMs: TRIAL_MS, diskBytes: 1024 * 1024 };

/** Does what {@link Sandbox.problem} says, in a workspace that is made for it. */
export async function tryOut(
  driver: Pick<Sandbox, "create" | "tried" | "stop">,
  volume: VolumeOptions,
): Promise<Problem | undefined> {
  try {
    const state = await driver.create({ ...TRIAL, ...volume });
    try {
      return await driver.tried(state);
    } finally {
      await driver.stop(state);
    }
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    return { why: error.why ?? error.message, next: error.next ?? "cloister doctor" };
  }
}

/**
 * Waits for a script that tries something out, and not for ever.
 *
 * @param explain what it means where the script fails, told from what it printed
 */
export async function problemOf(task: FolderTask, explain: (message: string) => Problem): Promise<Problem | undefined> {
  const timer = setTimeout(() => task.kill(), TRIAL_MS);
  task.stdin.end();
  task.stdout.resume();
  const { exit, message } = await task.ended.finally(() => clearTimeout(timer));
  return exit === 0 ? undefined : explain(message);
}
