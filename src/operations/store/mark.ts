// The mark of what garbage collection is about to delete: `condemned/<pack id or version id>`.
import { isIntegrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { Fields } from "../../base/record.ts";
import type { Store } from "../../store/store.ts";

const WHAT = "mark of garbage collection";
const FORMAT = "condemned@1";
const MARK_BYTES_MAX = 1024;
export const MARKS = "condemned/";

export function markName(id: string): string {
  return `${MARKS}${id}`;
}

/** @param sinceMs the store's clock */
export function encodeMark(sinceMs: number): Uint8Array {
  return canonicalBytes({ cloister: FORMAT, sinceMs });
}

/** Since when it says to be there; `junk` where it is none of ours, `gone` where there is none any more. */
export async function readMark(store: Store, id: string): Promise<number | "junk" | "gone"> {
  try {
    const bytes = await store.get(markName(id), MARK_BYTES_MAX);
    if (!bytes) return "gone";
    const fields = new Fields(parseCanonical(bytes, WHAT, MARK_BYTES_MAX), WHAT);
    const format = fields.string("cloister");
    const sinceMs = fields.instant("sinceMs");
    fields.end();
    return format === FORMAT ? sinceMs : "junk";
  } catch (error) {
    if (isIntegrity(error)) return "junk";
    throw error;
  }
}
