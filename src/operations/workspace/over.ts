// What is over: why, and what to type instead.
import { CloisterError } from "../../base/errors.ts";
import { isPast } from "../../sandbox/expiry.ts";
import type { Session } from "../session.ts";
import type { EndedBy, WorkspaceState } from "./state.ts";

/** Why a workspace is over that nobody destroyed. */
export function overBy({ host }: Session, { ended, holder }: WorkspaceState): EndedBy {
  return ended?.why ?? (isPast(holder, host) ? "expired" : "gone");
}

/** What to say of a workspace that is over: its name is free, and the line makes another of the same inputs. */
export function workspaceOver({ name, inputs, purpose, environment, code }: WorkspaceState): CloisterError {
  const again = [
    `cloister ws create ${name}`,
    ...inputs.map(({ reference }) => `--input ${reference}`),
    ...(environment.template === undefined ? [] : [`--template ${environment.template.name}`]),
    ...(purpose === undefined ? [] : [`--purpose ${purpose}`]),
  ];
  return new CloisterError("NOT_FOUND", `workspace ${name} is over`, {
    why: "its time to live ended, or the machine was restarted; what was in it is erased",
    next: `${again.join(" ")}${code === undefined ? "" : "   (and --code, as before)"}`,
  });
}
