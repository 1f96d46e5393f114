// Why a key was not released, for whoever wants to read: who would have to approve, and what to type.
import { CloisterError } from "../../base/errors.ts";
import { groupName, halvesFor, holdersOf } from "../../policy/key-halves.ts";
import type { Session } from "../session.ts";
import type { SplitVersion } from "./own-half.ts";
import { releasesOf } from "./released-key.ts";

/** @param reference how the person called the version */
export async function notReleased(session: Session, version: SplitVersion, reference: string): Promise<CloisterError> {
  const asked = await releasesOf(session, version);
  const furthest = [...asked].sort((a, b) => a.missing.length - b.missing.length)[0];
  const missing = furthest?.missing ?? halvesFor(version.record.halves, "release") ?? [];
  const { policy } = (await session.policy()).compiled;
  const groups = missing.map((half) => {
    const people = holdersOf(policy, version.record, half).map(({ id }) => id);
    return `a ${groupName(half)} (${people.length > 0 ? people.join(", ") : "nobody now"})`;
  });
  return new CloisterError(furthest ? "APPROVAL_PENDING" : "POLICY_DENIED", `read ${reference}`, {
    why: `its key is in two halves, and was not released to this device by ${groups.join(" and ")}`,
    next: furthest ? "cloister request list" : `cloister request create access ${reference}`,
  });
}
