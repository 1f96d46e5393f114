// The records of all versions that the log gave a number: which packs are needed is known from them, without any key.
import { explained, isIntegrity } from "../../base/errors.ts";
import { checkAborted } from "../../content/abort.ts";
import { packName } from "../../content/pack.ts";
import type { VersionRecord } from "../artifact/version-record.ts";
import { readRecord } from "../artifact/versions.ts";
import { eachOf } from "../each-of.ts";
import type { LoggedVersion } from "../ledger.ts";
import { fateOf } from "../retention/fate.ts";
import type { Session } from "../session.ts";

export interface ReadRecord {
  readonly logged: LoggedVersion;
  readonly record: VersionRecord;
}

export interface LoggedRecords {
  /** Versions that somebody may read, now or after they are restored: whether their pushers were entitled or not. */
  readonly live: readonly ReadRecord[];
  /** Versions whose keys were destroyed, or whose destruction began; the record only where it can be read. */
  readonly ended: readonly { readonly logged: LoggedVersion; readonly record: VersionRecord | undefined }[];
  /** Versions that would be live: what they need nobody knows. */
  readonly unreadable: readonly { readonly logged: LoggedVersion; readonly why: string }[];
}

const AT_ONCE = 16;

/** In the order of the log. @throws CloisterError whatever the store throws */
export async function readRecords(session: Session): Promise<LoggedRecords> {
  const live: ReadRecord[] = [];
  const ended: LoggedRecords["ended"][number][] = [];
  const unreadable: LoggedRecords["unreadable"][number][] = [];
  await eachOf([...session.ledger.versions], AT_ONCE, async (logged) => {
    checkAborted(session.host.signal);
    const { shredded } = await fateOf(session, logged.versionId);
    const read = await readRecord(session, logged).catch((error: unknown) => {
      if (!isIntegrity(error)) throw error;
      return explained(error);
    });
    const record = typeof read === "string" ? undefined : read.record;
    if (shredded) ended.push({ logged, record });
    else if (typeof read === "string") unreadable.push({ logged, why: read });
    else live.push({ logged, record: read.record });
  });
  const inOrder = <T extends { readonly logged: LoggedVersion }>(items: T[]): T[] =>
    items.sort((a, b) => a.logged.done.entry - b.logged.done.entry);
  return { live: inOrder(live), ended: inOrder(ended), unreadable: inOrder(unreadable) };
}

/** Object names of the packs that a version needs, with their sizes. */
export function packsOf({ domain, class: klass, packs }: VersionRecord): readonly { name: string; bytes: number }[] {
  return packs.map(({ id, bytes }) => ({ name: packName(`packs/${domain}/${klass}/`, id), bytes }));
}

/** How a person without any key calls a version. */
export function nameWithoutKey({ domain, nameId, number, done }: LoggedVersion): string {
  return `version ${String(number)} of ${domain}/${nameId.slice(0, 12)}…, pushed by ${done.member} (#${String(done.entry)})`;
}
