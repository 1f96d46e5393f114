// What became of a version, for whoever verifies it.
import type { Session } from "../session.ts";
import type { Check } from "../types.ts";
import { fateOf } from "./fate.ts";

/** That it is not to be used any more says nothing against its integrity. Entries that do not count are named. */
export async function endChecks(session: Session, versionId: string): Promise<readonly Check[]> {
  const { retired, held, ignored } = await fateOf(session, versionId);
  const note = (name: string, text: string): Check => ({ name, state: "unknown", text });
  return [
    ...(retired ? [note("retired", `${retired.member} retired it (#${String(retired.entry)})`)] : []),
    ...(held ? [note("held", `${held.member} put it under legal hold (#${String(held.entry)})`)] : []),
    ...ignored.map(({ what, why }) => note("ignored", `${what}: ${why}`)),
  ];
}
