// What in a store is needed, and what becomes of the rest: left alone for now, condemned, waited for, deleted.
import { integrity, isIntegrity } from "../../base/errors.ts";
import type { StoredObject } from "../../store/store.ts";
import { readVersion, VERSION_BYTES_MAX } from "../artifact/version-record.ts";
import { eachOf } from "../each-of.ts";
import type { Session } from "../session.ts";
import { type Inventory, type Item, takeInventory } from "./inventory.ts";
import { type LoggedRecords, nameWithoutKey, packsOf, readRecords } from "./records.ts";
import { isDue, isFresh } from "./times.ts";

export interface GarbagePlan {
  readonly needed: readonly Item[];
  /** Nothing refers to it, and it is so young that an unfinished push may. */
  readonly fresh: readonly Item[];
  /** To be condemned. */
  readonly toCondemn: readonly Item[];
  /** Condemned, and not for long enough. */
  readonly waiting: readonly (Item & { readonly sinceMs: number })[];
  /** To be deleted, if its mark says the same as the store does. */
  readonly due: readonly Item[];
  /** Marks of what is not there: an interrupted run left them. */
  readonly emptyMarks: readonly string[];
  readonly strange: readonly string[];
}

/**
 * @param nowMs the store's clock before what is acted upon was logged
 * @throws CloisterError INTEGRITY where it cannot be known what a version needs; whatever the store throws
 */
export async function planGarbage(session: Session, nowMs: number): Promise<GarbagePlan> {
  const records = await readRecords(session);
  requireReadable(records);
  return (await sortStore(session, records, nowMs)).plan;
}

/** {@link planGarbage} for those who only look: what nobody knows the need of may be among the garbage. */
export async function sortStore(
  session: Session,
  records: LoggedRecords,
  nowMs: number,
): Promise<{ readonly inventory: Inventory; readonly plan: GarbagePlan }> {
  const inventory = await takeInventory(session);
  const packs = await neededPacks(session, records, inventory, nowMs);
  const versions = new Set(records.live.map(({ logged }) => logged.versionId));
  const ended = new Set(records.ended.map(({ logged }) => logged.versionId));
  const former = new Set(
    records.ended.flatMap(({ record }) => (record ? packsOf(record).map(({ name }) => name) : [])),
  );
  const sorted = { needed: [], fresh: [], toCondemn: [], waiting: [], due: [] } as Sorted;
  const ids = new Set([...packs].map(idOf));
  const at = { inventory, nowMs, session, sorted };
  for (const [name, item] of inventory.packs) {
    // The same id in another place is no pack of ours, and its mark would be that of the one that is needed.
    if (!packs.has(name) && ids.has(item.id)) continue;
    sortIn(at, item, { needed: packs.has(name), wasNeeded: former.has(name) });
  }
  for (const [id, item] of inventory.parts) {
    sortIn(at, item, { needed: versions.has(id), wasNeeded: ended.has(id) });
  }
  const plan = { ...sorted, emptyMarks: emptyMarks(session, inventory, nowMs), strange: inventory.strange };
  return { inventory, plan };
}

type Sorted = {
  -readonly [K in Exclude<keyof GarbagePlan, "emptyMarks" | "strange">]: GarbagePlan[K][number][];
};

/** @throws CloisterError INTEGRITY: whatever a version needs must not be taken for garbage because its record is damaged */
function requireReadable({ unreadable }: LoggedRecords): void {
  const [first] = unreadable;
  if (!first) return;
  throw integrity("garbage cannot be told from what is needed", {
    why: `${nameWithoutKey(first.logged)}: ${first.why}${unreadable.length > 1 ? ` (and ${String(unreadable.length - 1)} more)` : ""}`,
    next: "cloister store repair --from COPY; or give the version up: cloister artifact retire, then shred-keys",
  });
}

interface Sorting {
  readonly inventory: Inventory;
  readonly nowMs: number;
  readonly session: Session;
  readonly sorted: Sorted;
}

function sortIn(
  { inventory, nowMs, session, sorted }: Sorting,
  item: Item,
  { needed, wasNeeded }: { readonly needed: boolean; readonly wasNeeded: boolean },
): void {
  const times = session.garbageTimes;
  const mark = inventory.marks.get(item.id);
  if (needed) sorted.needed.push(item);
  else if (mark) {
    // A mark of unknown age has just been made.
    const sinceMs = mark.changedMs ?? nowMs;
    if (isDue(sinceMs, nowMs, times)) sorted.due.push(item);
    else sorted.waiting.push({ ...item, sinceMs });
  } else if (!wasNeeded && isFresh(item.changedMs, nowMs, times)) sorted.fresh.push(item);
  else sorted.toCondemn.push(item);
}

/** Names of packs that versions of the log need, and those of records that somebody may be about to log. */
async function neededPacks(
  session: Session,
  { live }: LoggedRecords,
  { records }: Inventory,
  nowMs: number,
): Promise<ReadonlySet<string>> {
  const packs = new Set(live.flatMap(({ record }) => packsOf(record).map(({ name }) => name)));
  const young = [...records].filter(
    ([id, { changedMs }]) => !session.ledger.versionById(id) && isFresh(changedMs, nowMs, session.garbageTimes),
  );
  await eachOf(young, RECORDS_AT_ONCE, async ([, object]) => {
    for (const name of await pinnedBy(session, object)) packs.add(name);
  });
  return packs;
}

const RECORDS_AT_ONCE = 16;

/** Nothing rests on these records: whoever can write could put any number of them there. */
async function pinnedBy(session: Session, { name }: StoredObject): Promise<readonly string[]> {
  try {
    const bytes = await session.store.get(name, VERSION_BYTES_MAX);
    return bytes ? packsOf(readVersion(bytes).record).map((pack) => pack.name) : [];
  } catch (error) {
    if (isIntegrity(error)) return [];
    throw error;
  }
}

function emptyMarks({ garbageTimes }: Session, { marks, packs, parts }: Inventory, nowMs: number): readonly string[] {
  const there = new Set([...packs.values(), ...parts.values()].map(({ id }) => id));
  const old = [...marks].filter(
    ([id, { changedMs }]) => !there.has(id) && changedMs !== undefined && isDue(changedMs, nowMs, garbageTimes),
  );
  return old.map(([id]) => id);
}

function idOf(packName: string): string {
  return packName.slice(packName.lastIndexOf("/") + 1);
}
