// Garbage collection: what no version needs is condemned, waits, and is deleted if still nothing needs it (docs/garbage.md).
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { checkAborted } from "../../content/abort.ts";
import type { Unfinished } from "../../store/store.ts";
import { eachOf } from "../each-of.ts";
import { type Ask, type Outcome, perform, permit, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { CollectGarbageOptions, GarbageAmount, GarbageCollected } from "../types.ts";
import { type GarbagePlan, planGarbage } from "./garbage.ts";
import type { Item } from "./inventory.ts";
import { encodeMark, markName, readMark } from "./mark.ts";
import { isDue, isFresh } from "./times.ts";

const AT_ONCE = 16;
const ASK: Ask = { title: "clean the store up", action: "store.gc", sealed: {} };

/**
 * Looks, or with `yes` acts. Each run goes on from what lies in the store, whoever ran the one before and wherever it ended.
 * @throws CloisterError POLICY_DENIED (logged unless it only looks), INTEGRITY where it cannot be told what is needed,
 * UNAVAILABLE, INTERRUPTED; whatever it throws, nothing that a version needs is gone
 */
export async function collectGarbage(
  session: Session,
  { yes = false }: CollectGarbageOptions,
): Promise<GarbageCollected> {
  await session.sync();
  if (yes) await permit(session, ASK);
  else await wouldPermit(session, ASK);
  const nowMs = await session.store.now();
  const plan = await planGarbage(session, nowMs);
  const left = await unfinishedIn(session, nowMs);
  const nothing = [plan.toCondemn, plan.due, plan.emptyMarks, left ?? []].every(({ length }) => length === 0);
  if (!yes || nothing) return resultOf(session, plan, left, { dryRun: !yes, done: doneOf(plan, left) });
  const { result, done } = await perform(session, ASK, async (_, released) => {
    released();
    // The log now holds our intent: a push that looked before the marks came to lie there can no longer be logged as
    // done without looking again, since the place in the log it tried for is taken. Whatever was logged before counts.
    const now = await planGarbage(session, nowMs);
    const collected = await collect(session, now, left, nowMs);
    return { result: { plan: now, done: collected }, outcome: outcomeOf(collected) };
  });
  return { ...resultOf(session, result.plan, left, { dryRun: false, done: result.done }), logEntry: done.entry };
}

/** What a run did, or would do. */
interface Done {
  readonly condemned: readonly Item[];
  readonly deleted: readonly Item[];
  readonly marks: number;
  readonly unfinished: readonly Unfinished[];
  /** Ids of what is due and kept: its mark says something else. */
  readonly odd: readonly string[];
  /** False where it took so long that another run has to go on. */
  readonly complete: boolean;
}

function doneOf(plan: GarbagePlan, left: readonly Unfinished[] | undefined): Done {
  const { toCondemn: condemned, due: deleted, emptyMarks } = plan;
  return { condemned, deleted, marks: emptyMarks.length, unfinished: left ?? [], odd: [], complete: true };
}

async function collect(
  session: Session,
  plan: GarbagePlan,
  left: readonly Unfinished[] | undefined,
  nowMs: number,
): Promise<Done> {
  const { store, host } = session;
  const condemned: Item[] = [];
  const deleted: Item[] = [];
  const odd: string[] = [];
  let bytes = 0;
  const report = (step: string, item: Item) => {
    bytes += item.bytes;
    host.progress({ step, bytes, bytesTotal: undefined });
  };
  await eachOf(plan.toCondemn, AT_ONCE, async (item) => {
    checkAborted(host.signal);
    const made = await store.create(markName(item.id), [encodeMark(await session.clock())]);
    // Two runs at once: the other's mark is as good.
    if (made === "created") condemned.push(item);
    report("condemning", item);
  });
  bytes = 0;
  let complete = true;
  await eachOf(plan.due, AT_ONCE, async (item) => {
    checkAborted(host.signal);
    // What was read of the log gets old: a machine that slept here begins anew.
    if ((await session.clock()) - nowMs > session.garbageTimes.relyMs) {
      complete = false;
      return;
    }
    const sinceMs = await readMark(store, item.id);
    // Another run is just as far.
    if (sinceMs === "gone") return;
    if (sinceMs === "junk" || !isDue(sinceMs, nowMs, session.garbageTimes)) return void odd.push(item.id);
    await deleteItem(session, item);
    deleted.push(item);
    report("deleting", item);
  });
  await eachOf(plan.emptyMarks, AT_ONCE, (id) => store.delete(markName(id)));
  for (const each of left ?? []) await store.discard?.(each);
  return { condemned, deleted, marks: plan.emptyMarks.length, unfinished: left ?? [], odd, complete };
}

/** The mark goes last: until then it says to every push that this is gone. */
async function deleteItem({ store }: Session, { id, objects }: Item): Promise<void> {
  // `wraps/…` before `seals/…`: keys go first.
  const inOrder = [...objects].sort((a, b) => (a.name < b.name ? 1 : -1));
  for (const { name } of inOrder) await store.delete(name);
  await store.delete(markName(id));
}

/** What writers that are gone have left; undefined where it cannot be looked for. */
async function unfinishedIn(
  { store, garbageTimes }: Session,
  nowMs: number,
): Promise<readonly Unfinished[] | undefined> {
  if (!store.unfinished || !store.discard) return undefined;
  try {
    const old: Unfinished[] = [];
    for await (const each of store.unfinished()) if (!isFresh(each.changedMs, nowMs, garbageTimes)) old.push(each);
    return old;
  } catch (error) {
    // Nothing rests on it: servers that cannot list uploads, and roles that may not.
    const passes = error instanceof CloisterError && (error.code === "FAILURE" || error.code === "UNSUPPORTED_HOST");
    if (passes) return undefined;
    throw error;
  }
}

/** Counts, and digests of the lists: who has an inventory from before can hold it against them. */
function outcomeOf({ condemned, deleted, marks, unfinished, complete }: Done): Outcome {
  const of = (items: readonly Item[]) => ({
    ...{ packs: amountOf(items).packs, parts: amountOf(items).parts, bytes: amountOf(items).bytes },
    list: sha256Hex(
      items
        .map(({ id }) => `${id}\n`)
        .sort()
        .join(""),
    ),
  });
  return { facts: { condemned: of(condemned), deleted: of(deleted), marks, unfinished: unfinished.length, complete } };
}

function resultOf(
  session: Session,
  plan: GarbagePlan,
  left: readonly Unfinished[] | undefined,
  { dryRun, done }: { readonly dryRun: boolean; readonly done: Done },
): GarbageCollected {
  const { waitMs } = session.garbageTimes;
  const next = Math.min(...plan.waiting.map(({ sinceMs }) => sinceMs + waitMs));
  return {
    dryRun,
    needed: amountOf(plan.needed),
    fresh: amountOf(plan.fresh),
    condemned: amountOf(done.condemned),
    waiting: amountOf(plan.waiting),
    nextDue: Number.isFinite(next) ? new Date(next).toISOString() : undefined,
    deleted: amountOf(done.deleted),
    emptyMarks: done.marks,
    unfinished: left && { count: done.unfinished.length, bytes: bytesOf(done.unfinished) },
    odd: done.odd,
    strange: plan.strange.length,
    complete: done.complete,
    waitMs,
    logEntry: undefined,
  };
}

const VERSION_ID_LENGTH = 64;

export function amountOf(items: readonly Item[]): GarbageAmount {
  const parts = items.filter(({ id }) => id.length === VERSION_ID_LENGTH);
  return {
    packs: items.length - parts.length,
    parts: parts.reduce((sum, { objects }) => sum + objects.length, 0),
    bytes: bytesOf(items),
  };
}

function bytesOf(items: readonly { readonly bytes: number }[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}
