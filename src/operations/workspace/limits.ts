// The limits of a workspace, and refusing one whose limits the policy demands and this host cannot hold.
import { CloisterError } from "../../base/errors.ts";
import type { Enforceable, WorkspaceUse } from "../../policy/workspace-use.ts";
import type { HeldLimit, Limits } from "../../sandbox/limits/limits.ts";
import type { HolderState, Sandbox } from "../../sandbox/sandbox.ts";
import type { Diagnosis } from "../types.ts";

export function limitsOf({ cpus, memoryBytes, processes, openFiles, runMs }: WorkspaceUse): Limits {
  return { cpus, memoryBytes, processes, openFiles, runMs };
}

/**
 * Before anything is started: what the policy demands can be held here.
 * @throws CloisterError UNSUPPORTED_HOST with what is missing; USAGE where a limit that must hold has no value
 */
export function requireHoldable(
  sandbox: Pick<Sandbox, "holdable">,
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
        why: how,
        next: next ?? "cloister doctor",
      },
    );
  }
}

/** Any limits: whether they can be held depends on the host alone. */
const SAMPLE = {
  limits: { cpus: 1, memoryBytes: 1e9, processes: 1000, openFiles: 1000, runMs: 3_600_000 },
  diskBytes: 1e9,
};

/** Which limits can be held on this host. */
export function checkLimits(sandbox: Sandbox): Diagnosis["checks"][number] {
  const limits = sandbox.holdable(SAMPLE);
  const named = (held: boolean) => limits.filter((limit) => limit.held === held).map(({ limit }) => limit);
  const text = `workspaces can be held to ${named(true).join(", ")}`;
  const [missing] = limits.filter(({ held }) => !held);
  if (!missing) return { name: "limits", state: "good", text, next: undefined };
  const lack = `not to ${named(false).join(", ")}: ${missing.how}`;
  return { name: "limits", state: "unknown", text: `${text}; ${lack}`, next: missing.next };
}

const FLAGS: Readonly<Record<Enforceable, string>> = {
  cpus: "--cpus 2",
  memory: "--memory 4GB",
  processes: "--processes 500",
  disk: "--disk 1GB",
  "open-files": "--open-files 1024",
  "run-time": "--run-time 2h",
};
