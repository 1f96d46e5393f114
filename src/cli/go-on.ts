// What a command that ended early leaves, and the command that goes on from there.
import { shellLine } from "../base/shell-word.ts";
import { formatBytes } from "../base/units.ts";
import type { Progress } from "../index.ts";
import type { Failure } from "./failure.ts";

/** How to go on after commands that leave nothing, or nothing half done, when they are interrupted. */
const GOES_ON: Readonly<Record<string, string>> = {
  push: "run the same command again to continue",
  // A pull that can go on from somewhere says so itself.
  pull: "run the same command again",
  verify: "run the same command again",
  create: "run the same command again; nothing was made",
  sync: "run the same command again",
  cp: "run the same command again",
  notebook: "run the same command again",
};

/** What is said where only the wish to stop was noticed. */
const SAID_ANYHOW = "run the same command again";

/**
 * A failure with the way on.
 * @param command name of the command, e.g. `push`
 * @param last how far it had come
 */
export function withWayOn(
  failure: Failure,
  command: string | undefined,
  argv: readonly string[],
  last: Progress | undefined,
): Failure {
  const again = `cloister ${shellLine(argv)}`;
  const kept = command === "push" ? keptText(argv, last) : undefined;
  const { code, next } = failure;
  if (code === "INTERRUPTED") {
    const how = next === undefined || next === SAID_ANYHOW ? GOES_ON[command ?? ""] : undefined;
    if (how !== undefined) return { ...failure, kept, next: `${how}:\n${again}` };
  }
  // What was interrupted, or failed, knows best what there is to go on from.
  if (next?.includes("the same command")) return { ...failure, kept, next: `${next}\n${again}` };
  if (code === "INTERRUPTED") return { ...failure, kept };
  // What can be mended, or passes: the disk, the network, a file that changed.
  if (kept === undefined || (code !== "UNAVAILABLE" && code !== "FAILURE")) return failure;
  return { ...failure, kept: `${kept}:\n${again}` };
}

function keptText(argv: readonly string[], last: Progress | undefined): string | undefined {
  const { bytesTotal, bytesKept = 0 } = last ?? {};
  if (bytesKept === 0) return undefined;
  const kept = `${formatBytes(bytesKept)}${bytesTotal === undefined ? "" : ` of ${formatBytes(bytesTotal)}`} are stored`;
  return `${kept}, and the same command${argv.includes("-") ? " with the same input" : ""} goes on from there`;
}
