// What the guard is asked where files go in or out of a workspace.
import { CloisterError } from "../../base/errors.ts";
import { carriedLabel, type Sayer } from "../artifact/carried-label.ts";
import { rank } from "../artifact/label.ts";
import { type Ask, deny } from "../guard.ts";
import type { Session } from "../session.ts";
import type { WorkspaceState } from "./state.ts";

/** Copying is a use of the workspace; `copied` tells it from a command that made something. */
export function copyAsk(
  state: WorkspaceState,
  label: string | undefined,
  copied: "in" | "out" | "sync",
  what: string,
): Ask {
  const verb = { in: "copy into", out: "copy out of", sync: "bring code into" }[copied];
  return {
    ...{ title: `${verb} workspace ${state.name}`, action: "workspace.run" },
    ...{ domain: state.domain, class: label, purpose: state.purpose, workspace: state.id },
    facts: { copied },
    sealed: { workspace: state.name, files: what },
  };
}

export interface Carried {
  /** What may say which class the files carry, around them or among them. */
  readonly sayers: readonly Sayer[];
}

/**
 * Refuses files that carry a class above the workspace's label, or where it has none, above the lowest: from there they
 * could be pushed as less.
 * @throws CloisterError POLICY_DENIED (logged, but for a dry run)
 */
export async function checkCarried(
  session: Session,
  ask: Ask,
  carried: Carried,
  workspace: { readonly label: string | undefined; readonly dryRun?: boolean | undefined },
): Promise<void> {
  const found = await carriedLabel(session, carried.sayers);
  if (!found) return;
  const { classifications } = (await session.policy()).compiled.policy;
  const label = workspace.label ?? classifications[0];
  if (rank(classifications, found.class) <= rank(classifications, label)) return;
  await deny(
    session,
    ask,
    {
      rule: "builtin:label-flow",
      enforcement: "advisory",
      why: `the files carry ${found.class} (${found.from}), and the workspace's label is ${label ?? "none"}`,
      next: `cloister ws create NAME --input REF --purpose ${ask.purpose ?? "PURPOSE"}   (mounts it, and labels the workspace)`,
    },
    workspace.dryRun === true,
  );
}

/** @throws CloisterError USAGE for a path that is not in /workspace */
export function pathInside(path: string): string {
  const parts = path.replace(/^\/workspace(?=\/|$)/, "").split("/");
  if ((path.startsWith("/") && !/^\/workspace(\/|$)/.test(path)) || parts.includes("..")) {
    throw new CloisterError("USAGE", `${JSON.stringify(path)} is not in /workspace`, {
      why: "only files in /workspace are copied",
      next: "write it relative to /workspace, as NAME:out/model.bin",
    });
  }
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}
