import { hasFilter } from "../filter/seccomp.ts";
import type { Problem } from "./programs.ts";

/** Why no driver works on this kind of machine, or undefined where one may. */
export function platformProblem(): Problem | undefined {
  if (process.platform !== "linux") {
    return { why: "sandboxed workspaces need Linux", next: "work on a Linux machine, or in a Linux virtual machine" };
  }
  if (!hasFilter(process.arch)) {
    return { why: `there is no system call filter for ${process.arch}`, next: "use an x64 or arm64 machine" };
  }
  return undefined;
}
