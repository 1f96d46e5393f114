// What somebody did before with the same version.
import { isRoleAction, type RoleAction } from "../../policy/actions.ts";
import type { GovernanceFacts } from "../../policy/facts.ts";
import type { Act } from "./facts.ts";

/** Who pushed the version, and what this member did with it, with whichever of their keys. */
export function pastOf({ session, member, versionId, before }: Act): GovernanceFacts {
  if (versionId === undefined) return {};
  const { ledger } = session;
  const own = ledger.index
    .about(versionId)
    .filter((logged) => logged.entry < before && logged.member === member.id && logged.event.phase === "done")
    .map(({ event }) => event.action)
    .filter((action): action is RoleAction => isRoleAction(action));
  const pushed = ledger.versionById(versionId)?.done;
  return { did: [...new Set(own)], pushedBy: pushed && pushed.entry < before ? pushed.member : undefined };
}
