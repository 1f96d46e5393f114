// A version by its id, for those who can read what it is called.
import type { Session } from "../session.ts";
import { readVersionAt, type Version } from "./versions.ts";

/** Undefined where the log has no such version, it does not count, or this member cannot open its header. */
export async function versionNamed(session: Session, versionId: string): Promise<Version | undefined> {
  const logged = session.ledger.versionById(versionId);
  const nameKey = logged && (await session.keys.nameKey(logged.domain));
  const judged = nameKey && (await readVersionAt(session, logged, nameKey));
  return judged?.kind === "accepted" ? judged.version : undefined;
}
