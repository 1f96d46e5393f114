// The limits of a workspace, and refusing one whose limits the policy demands and this host cannot hold.
import { CloisterError } from "../../base/errors.ts";
import type { Enforceable, WorkspaceUse } from "../../policy/workspace-use.ts";
import type { HeldLimit, Limits } from "../../sandbox/limits/limits.ts";
import type { HolderState, Sandbox } from "../../sandbox/sandbox.ts";

export function limitsOf({ cpus, memoryBytes, processes, openFiles, runMs }: WorkspaceUse): Limits {
  return { cpus, memoryBytes, processes, openFiles, runMs };
}

/**
 * Before anything is started: what the policy demands can be held here.
 * @throws CloisterError UNSUPPORTED_HOST with what is missing; USAGE where a limit that must hold has no value
 */
export function requireHoldable(
  sandbox: Sandbox,
  plan: {
    readonly limits: Limits;
    readonly diskBytes: number;
    readonly planned: { readonly mustHold: readonly Enforceable[] };
  },
): void {
  requireAll(sandbox.holdable(plan), plan.planned.mustHold);
}

/** Once it runs: what the policy demands is held. @throws CloisterError UNSUPPORTED_HOST */
export function requireHeld(sandbox: Sandbox, holder: HolderState, mustHold: readonly Enforceable[]): void {
  requireAll(sandbox.held(holder), mustHold);
}

function requireAll(limits: readonly HeldLimit[], mustHold: readonly Enforceable[]): void {
  for (const { limit, value, held, how, next } of limits.filter(({ limit }) => mustHold.includes(limit))) {
    if (value === undefined) {
      throw new CloisterError("USAGE", `the policy demands a limit on ${limit}, and none is set`, {
        why: "neither your role nor a flag sets one",
        next: `add ${FLAGS[limit]}`,
      });
    }
    if (held) continue;
    throw new CloisterError(
      "UNSUPPORTED_HOST",
      `the policy demands that the limit on ${limit} is held, and this host cannot`,
      {
        why: `${limit} would be limited ${how}`,
        next: next ?? "cloister doctor",
      },
    );
  }
}

const FLAGS: Readonly<Record<Enforceable, string>> = {
  cpus: "--cpus 2",
  memory: "--memory 4GB",
  processes: "--processes 500",
  disk: "--disk 1GB",
  "open-files": "--open-files 1024",
  "run-time": "--run-time 2h",
};
