// Whether a workspace is over that nobody destroyed, and why.
import { isOfAnotherBoot, isPast } from "../../sandbox/expiry.ts";
import type { Session } from "../session.ts";
import type { EndedBy, WorkspaceState } from "./state.ts";

/** Told from its record alone. One whose processes were killed meanwhile only its driver can tell. */
export function isOver({ host }: Session, { holder }: WorkspaceState): boolean {
  return isPast(holder, host) || isOfAnotherBoot(holder);
}

/** To be asked about one that is over. */
export function overBy({ host }: Session, { ended, holder }: WorkspaceState): EndedBy {
  return ended?.why ?? (isPast(holder, host) ? "expired" : "gone");
}
