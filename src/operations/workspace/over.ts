import { isPast } from "../../sandbox/expiry.ts";
import type { Session } from "../session.ts";
import type { EndedBy, WorkspaceState } from "./state.ts";

/** Why a workspace is over that nobody destroyed. */
export function overBy({ host }: Session, { ended, holder }: WorkspaceState): EndedBy {
  return ended?.why ?? (isPast(holder, host) ? "expired" : "gone");
}
