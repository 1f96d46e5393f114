// Descriptors that our own parent left open without close-on-exec would reach every child through spawn().
import { readdirSync, readFileSync } from "node:fs";
import { CloisterError, systemCode } from "../../base/errors.ts";

/** O_CLOEXEC as /proc/PID/fdinfo shows it, octal (proc(5)). The same on x86-64 and arm64. */
const CLOSE_ON_EXEC = 0o2000000;
/** A list of standard streams is as long as its highest number. */
const DESCRIPTOR_MAX = 65_535;

/** Our open descriptors above 2 that a child would inherit. */
export function inheritableDescriptors(): readonly number[] {
  return readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => fd > 2 && isInheritable(fd));
}

function isInheritable(fd: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${String(fd)}`, "utf8");
    const flags = /^flags:\s*([0-7]+)$/m.exec(info)?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & CLOSE_ON_EXEC) === 0;
  } catch (error) {
    // The descriptor that read the list is closed by now.
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** What a child gets as one of its descriptors; a number is one of ours. */
export type Stdio = "ignore" | "inherit" | "pipe" | number;

/**
 * The standard streams for spawn(), completed so that every inheritable descriptor of ours is replaced in the child by
 * a harmless one.
 *
 * @param harmless a descriptor open on /dev/null
 * @throws {@link CloisterError} FAILURE where a descriptor's number is beyond what a child can be given
 */
export function sealedStdio(stdio: readonly Stdio[], inheritable: readonly number[], harmless: number): Stdio[] {
  const sealed = [...stdio];
  for (const fd of inheritable) {
    if (fd < stdio.length && stdio[fd] !== "ignore") continue;
    if (fd > DESCRIPTOR_MAX) {
      throw new CloisterError("FAILURE", `descriptor ${String(fd)} is open and would reach the sandbox`, {
        next: "start cloister without inherited descriptors",
      });
    }
    // For descriptors above 2, "ignore" leaves the child's copy alone.
    while (sealed.length < fd) sealed.push("ignore");
    sealed[fd] = harmless;
  }
  return sealed;
}
