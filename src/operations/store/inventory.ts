// What lies in a store, sorted by what it is: packs, the parts of versions, records, and the marks of garbage collection.
import { ID, SHA256 } from "../../base/record.ts";
import { checkAborted } from "../../content/abort.ts";
import type { StoredObject } from "../../store/store.ts";
import type { Session } from "../session.ts";
import { MARKS } from "./mark.ts";

/** A pack, or seal and wraps of one version: what is condemned and deleted together. */
export interface Item {
  /** Pack id (32 hex digits) or version id (64). */
  readonly id: string;
  readonly objects: StoredObject[];
  bytes: number;
  /** Of the object that came last; undefined where the store does not tell of one. */
  changedMs: number | undefined;
}

export interface Inventory {
  /** By object name: whoever can write may put the same pack id into two places. */
  readonly packs: ReadonlyMap<string, Item>;
  /** Seals and wraps, by version id. */
  readonly parts: ReadonlyMap<string, Item>;
  /** Version records, by version id. */
  readonly records: ReadonlyMap<string, StoredObject>;
  /** Marks, by the id that they condemn. */
  readonly marks: ReadonlyMap<string, StoredObject>;
  /** Names below these prefixes that no version of the format gives. */
  readonly strange: readonly string[];
}

const PACK = /^packs\/[^/]+\/[^/]+\/([0-9a-f]{2})\/(\1[0-9a-f]{30})$/;
const PART = /^(?:seals\/[^/]+\/[^/]+\/([0-9a-f]{64})|wraps\/[^/]+\/[^/]+\/([0-9a-f]{64})\/.+)$/;
const RECORD = /^versions\/[^/]+\/[0-9a-f]{64}\/\d{8,}-([0-9a-f]{64})$/;

/**
 * Looks through everything that garbage collection is about.
 * @throws CloisterError whatever the store throws: a listing that breaks off is no listing
 */
export async function takeInventory(session: Session): Promise<Inventory> {
  const packs = new Map<string, Item>();
  const parts = new Map<string, Item>();
  const records = new Map<string, StoredObject>();
  const marks = new Map<string, StoredObject>();
  const strange: string[] = [];
  const sort = (object: StoredObject) => {
    const { name } = object;
    const pack = PACK.exec(name)?.[2];
    if (pack !== undefined) return add(packs, name, pack, object);
    const found = PART.exec(name);
    const part = found?.[1] ?? found?.[2];
    if (part !== undefined) return add(parts, part, part, object);
    const record = RECORD.exec(name)?.[1];
    if (record !== undefined) return void records.set(record, object);
    // A folder in the place of a mark marks, too.
    const marked = name.startsWith(MARKS) ? (name.slice(MARKS.length).split("/")[0] ?? "") : "";
    if (ID.test(marked) || SHA256.test(marked)) return void marks.set(marked, object);
    strange.push(name);
  };
  let bytes = 0;
  // The marks first: one that comes later is not taken for one whose pack is gone.
  for (const prefix of [MARKS, "versions/", "seals/", "wraps/", "packs/"]) {
    for await (const object of session.store.list(prefix)) {
      checkAborted(session.host.signal);
      sort(object);
      bytes += object.bytes;
      session.host.progress({ step: "looking through the store", bytes, bytesTotal: undefined });
    }
  }
  return { packs, parts, records, marks, strange };
}

function add(items: Map<string, Item>, key: string, id: string, object: StoredObject): void {
  const item = items.get(key);
  if (!item) {
    items.set(key, { id, objects: [object], bytes: object.bytes, changedMs: object.changedMs });
    return;
  }
  item.objects.push(object);
  item.bytes += object.bytes;
  const { changedMs } = object;
  item.changedMs =
    changedMs === undefined || item.changedMs === undefined ? undefined : Math.max(item.changedMs, changedMs);
}
