// What a push relies on besides what it has in its hands: packs and parts that lie in the store, and that garbage collection
// has to leave there. It looked at a time; before it becomes a version, it looks again where that is too long ago.
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import type { CondemnedPacks } from "../../content/pack.ts";
import { sealName, type VersionRecord } from "../artifact/version-record.ts";
import { eachOf } from "../each-of.ts";
import type { Session } from "../session.ts";
import { MARKS } from "./mark.ts";
import { packsOf } from "./records.ts";
import { mustLookAgain } from "./times.ts";

/** A version that is about to be logged. */
export interface Relied {
  readonly versionId: string;
  readonly record: VersionRecord;
}

export class Reliance {
  readonly #relied: Relied;
  #lookedMs: number;

  /** @param lookedMs the store's clock before the first look at what it relies on */
  constructor(relied: Relied, lookedMs: number) {
    this.#relied = relied;
    this.#lookedMs = lookedMs;
  }

  /**
   * For each attempt to log it as done, after the log was read and before the entry is written: a collection that deletes
   * takes a place in the log first, so that an attempt which was held up in between fails and comes here again.
   * @throws CloisterError UNAVAILABLE where something of it is condemned or gone
   */
  async requireStanding(session: Session): Promise<void> {
    const nowMs = await session.clock();
    if (!mustLookAgain(this.#lookedMs, nowMs, session.garbageTimes)) return;
    if (!(await isStanding(session, this.#relied))) {
      throw new CloisterError("UNAVAILABLE", "garbage collection reached what this push relied on", {
        why: "the push took longer than what it had found in the store is kept for it",
        next: "push again: what is missing will be stored anew",
      });
    }
    this.#lookedMs = nowMs;
  }
}

/** Whether all of it lies in the store and none of it is condemned: in that order of time, what is found will stay. */
export async function isStanding(session: Session, { record, versionId }: Relied): Promise<boolean> {
  const { store } = session;
  const packs = packsOf(record);
  const ids = new Set([versionId, ...record.packs.map(({ id }) => id)]);
  // First the marks: they go after what they condemn, so that what lies there afterwards was not condemned before.
  for await (const { name } of store.list(MARKS)) {
    if (ids.has(name.slice(MARKS.length).split("/")[0] ?? "")) return false;
  }
  const ends = [
    ...packs.map(({ name, bytes }) => ({ name, at: bytes - 1 })),
    { name: sealName(record, versionId), at: 0 },
  ];
  let missing = false;
  await eachOf(ends, AT_ONCE, async ({ name, at }) => {
    missing ||= !(await hasByte(session, name, at));
  });
  return !missing;
}

const AT_ONCE = 16;

async function hasByte({ store }: Session, name: string, at: number): Promise<boolean> {
  try {
    return (await store.range(name, at, 1))?.length === 1;
  } catch (error) {
    // Who may push and not read cannot look: then it is stored anew.
    if (isIntegrity(error) || (error instanceof CloisterError && error.code === "FAILURE")) return false;
    throw error;
  }
}

/** Ids of all packs that are to count as absent: where something planted hides the marks, that is every pack. */
export async function condemnedPacks({ store }: Session): Promise<CondemnedPacks> {
  const ids = new Set<string>();
  try {
    for await (const { name } of store.list(MARKS)) ids.add(name.slice(MARKS.length).split("/")[0] ?? "");
  } catch (error) {
    if (isIntegrity(error)) return { has: () => true };
    throw error;
  }
  return ids;
}
