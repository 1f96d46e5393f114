// Copying a store object by object: nothing is overwritten, everything is read back, and what is there already is compared.

import { CloisterError } from "../../base/errors.ts";
import { checkAborted } from "../../content/abort.ts";
import type { Store } from "../../store/store.ts";
import { eachOf } from "../each-of.ts";

/** Bytes that are compared at once. */
const PIECE_BYTES = 16 * 1024 * 1024;
/** What is larger can be no object of a store: the largest are the file lists of artifacts with millions of files. */
const OBJECT_BYTES_MAX = 2 ** 31 - 1;
const LARGE_BYTES = 1024 * 1024;
const SMALL_AT_ONCE = 16;
const LARGE_AT_ONCE = 2;

/** Sizes by name. */
export type Inventory = ReadonlyMap<string, number>;

export async function inventoryOf(store: Store): Promise<Inventory> {
  const found = new Map<string, number>();
  for await (const { name, bytes } of store.list("")) found.set(name, bytes);
  return found;
}

/**
 * The order of copying. The policy comes first: by it a copy that was interrupted is known again. Then the log, after all
 * it speaks of, and last the object that makes a store of it, so that nobody opens half a copy.
 */
const STAGES: readonly ((name: string) => boolean)[] = [
  (name) => name.startsWith("policy/"),
  (name) => name !== "cloister" && !name.startsWith("policy/") && !name.startsWith("log/"),
  (name) => name.startsWith("log/"),
  (name) => name === "cloister",
];

export interface CopyJob {
  readonly from: Store;
  readonly to: Store;
  readonly signal: AbortSignal;
  /** Called after each object, with its size. */
  readonly onObject: (bytes: number, isNew: boolean) => void;
}

/** Copies these objects of `from`. @throws CloisterError INTEGRITY where another object lies under one of the names */
export async function copyObjects(job: CopyJob, objects: Inventory): Promise<void> {
  for (const isIn of STAGES) {
    const stage = [...objects].filter(([name]) => isIn(name));
    const small = stage.filter(([, bytes]) => bytes < LARGE_BYTES);
    const large = stage.filter(([, bytes]) => bytes >= LARGE_BYTES);
    for (const [items, atOnce] of [[small, SMALL_AT_ONCE] as const, [large, LARGE_AT_ONCE] as const]) {
      await eachOf(items, atOnce, async ([name, bytes]) => {
        checkAborted(job.signal);
        await copyObject(job, name, bytes);
      });
    }
  }
}

async function copyObject({ from, to, onObject }: CopyJob, name: string, bytes: number): Promise<void> {
  if (bytes > OBJECT_BYTES_MAX) {
    throw new CloisterError("FAILURE", `${name} is too large to be an object of a store`, {
      why: `it has ${String(bytes)} bytes; somebody put it there`,
      next: "remove it from the store, then run the same command again",
    });
  }
  const content = await from.range(name, 0, bytes);
  // Deleted since it was listed: garbage, then, or the log will show that it is missed.
  if (!content) return;
  const isNew = (await to.create(name, [content])) === "created";
  await requireSame(to, name, content);
  onObject(content.length, isNew);
}

async function requireSame(store: Store, name: string, content: Uint8Array): Promise<void> {
  for (let at = 0; at < content.length; at += PIECE_BYTES) {
    const expected = content.subarray(at, at + PIECE_BYTES);
    const there = await store.range(name, at, expected.length);
    if (!there || Buffer.compare(there, expected) !== 0) throw differs(store, name);
  }
  if ((await store.range(name, content.length, 1))?.length !== 0) throw differs(store, name);
}

function differs(store: Store, name: string): CloisterError {
  return new CloisterError("INTEGRITY", `${name} is another object in ${store.url}`, {
    why: "somebody wrote there, or the project went on in both places",
    next: "copy to an empty place; do not go on with this one",
  });
}
