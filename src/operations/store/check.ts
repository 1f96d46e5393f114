// Checking a store: its structure by what is signed and logged, without keys; and on demand all content that can be opened.
import { CloisterError, explained, isIntegrity } from "../../base/errors.ts";
import { checkAborted } from "../../content/abort.ts";
import { KmsRefused } from "../../keys/kms.ts";
import { contentOf } from "../artifact/version-content.ts";
import { readVersionAt, referenceTo, type Version } from "../artifact/versions.ts";
import { eachOf } from "../each-of.ts";
import { mayI } from "../guard.ts";
import type { LoggedVersion } from "../ledger.ts";
import { verifyAudit } from "../project/audit.ts";
import type { Session } from "../session.ts";
import type { CheckStoreOptions, DamagedVersion, StoreChecked } from "../types.ts";
import { type GarbagePlan, sortStore } from "./garbage.ts";
import { amountOf } from "./gc.ts";
import { readRecords } from "./records.ts";
import { packDamage, partDamage } from "./structure.ts";

const AT_ONCE = 8;
const STRANGE_SHOWN_MAX = 20;

/**
 * Deletes and changes nothing, and needs no right but that of members to read the log; what is read is what this member holds
 * keys for anyway.
 * @throws CloisterError whatever the store throws; damage is a result
 */
export async function checkStore(session: Session, { read = false }: CheckStoreOptions): Promise<StoreChecked> {
  await session.sync();
  await session.me();
  const log = await logOf(session);
  const nowMs = await session.store.now();
  const records = await readRecords(session);
  const { inventory, plan } = await sortStore(session, records, nowMs);
  const damage = new Map<LoggedVersion, string[]>();
  const note = (logged: LoggedVersion, what: readonly string[]) => {
    if (what.length > 0) damage.set(logged, [...(damage.get(logged) ?? []), ...what]);
  };
  for (const { logged, why } of records.unreadable) note(logged, [why]);
  const packs = new Map<string, { why: string; versions: string[] }>();
  await eachOf(records.live, AT_ONCE, async (version) => {
    checkAborted(session.host.signal);
    const lost = packDamage(inventory, version);
    for (const { pack, why } of lost) {
      const known = packs.get(pack) ?? { why, versions: [] };
      packs.set(pack, { ...known, versions: [...known.versions, version.logged.versionId] });
    }
    note(version.logged, [
      ...lost.map(({ pack, why }) => `the pack ${pack} ${why}`),
      ...(await partDamage(session, inventory, version)),
    ]);
  });
  const opened = await openAll(
    session,
    records.live.map(({ logged }) => logged),
    { read, note },
  );
  const damaged = [...damage].map(([logged, what]) => describe(logged, opened.names.get(logged.versionId), what));
  damaged.sort((a, b) => a.logEntry - b.logEntry);
  return {
    ok: log.ok && damaged.length === 0,
    versions: records.live.length + records.unreadable.length,
    ended: records.ended.length,
    log,
    damaged,
    packs: [...packs].map(([pack, found]) => ({ pack, ...found })),
    read: read ? opened.read : undefined,
    hidden: [...opened.hidden].map(([where, count]) => ({ where, count })),
    garbage: amountOf([...plan.fresh, ...plan.toCondemn]),
    condemned: amountOf([...plan.waiting, ...plan.due]),
    ...strangeOf(plan),
  };
}

function strangeOf({ strange }: GarbagePlan) {
  return { strange: strange.slice(0, STRANGE_SHOWN_MAX), strangeCount: strange.length };
}

async function logOf(session: Session): Promise<StoreChecked["log"]> {
  const { ok, checks, entries } = await verifyAudit(session);
  return { ok, entries, why: checks.find(({ state }) => state === "bad")?.text };
}

interface Opened {
  readonly names: Map<string, string>;
  readonly read: { versions: number; bytes: number };
  readonly hidden: Map<string, number>;
}

/** What this member can open of each version: its header, and on demand everything. */
async function openAll(
  session: Session,
  versions: readonly LoggedVersion[],
  { read, note }: { readonly read: boolean; readonly note: (logged: LoggedVersion, what: readonly string[]) => void },
): Promise<Opened> {
  const opened: Opened = { names: new Map(), read: { versions: 0, bytes: 0 }, hidden: new Map() };
  for (const logged of versions) {
    checkAborted(session.host.signal);
    const nameKey = await session.keys.nameKey(logged.domain);
    const judged = nameKey && (await readVersionAt(session, logged, nameKey));
    if (judged?.kind === "ignored") {
      if (judged.damaged) note(logged, [judged.ignored.why]);
      continue;
    }
    if (judged?.kind === "accepted" && (await isVisible(session, judged.version))) {
      opened.names.set(logged.versionId, referenceTo(judged.version));
      if (!read || (await readAll(session, judged.version, opened, (why) => note(logged, [why])))) continue;
    }
    const where = `${logged.domain}/${logged.done.event.class ?? ""}`;
    opened.hidden.set(where, (opened.hidden.get(where) ?? 0) + 1);
  }
  return opened;
}

/** As for a listing. */
function isVisible(session: Session, { record, header, versionId }: Version): Promise<boolean> {
  const { domain, class: klass } = record;
  return mayI(session, { action: "artifact.read-metadata", domain, class: klass, kind: header.kind, versionId });
}

/** False where its content is not this member's to read. */
async function readAll(
  session: Session,
  version: Version,
  { read }: Opened,
  damaged: (why: string) => void,
): Promise<boolean> {
  try {
    for await (const file of await contentOf(session, version, undefined, "checking")) {
      if (file.kind === "directory") continue;
      for await (const piece of file.read()) read.bytes += piece.length;
    }
    read.versions++;
    return true;
  } catch (error) {
    if (isIntegrity(error)) {
      damaged(explained(error));
      return true;
    }
    const hidden = error instanceof KmsRefused || (error instanceof CloisterError && HIDDEN.includes(error.code));
    if (hidden) return false;
    throw error;
  }
}

const HIDDEN: readonly string[] = ["POLICY_DENIED", "APPROVAL_PENDING"];

function describe(logged: LoggedVersion, reference: string | undefined, damage: readonly string[]): DamagedVersion {
  const { domain, number, versionId, done } = logged;
  return {
    ...{ reference, domain, class: done.event.class ?? "", number, versionId },
    ...{ pushedBy: done.member, logEntry: done.entry, damage: [...new Set(damage)] },
  };
}
