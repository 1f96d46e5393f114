// Chunks that are stored already and may be used again: those of given trees, and of packs an interrupted push left.
import { CloisterError, isIntegrity } from "../../base/errors.ts";
import type { ChunkPlace } from "../chunk-table.ts";
import { type CondemnedPacks, type PackPlace, type PackRef, packName } from "../pack.ts";
import type { Tree } from "../tree.ts";
import type { KeyList, PackList } from "./pack-list.ts";
import { chunksOf, type PackRecord } from "./pack-record.ts";
import type { SharedChunks } from "./shared-chunks.ts";

/** A stored version of the same domain and class that the pusher can read. */
export interface PushSource {
  readonly tree: Tree;
  /** Opens each chunk that is found in it before it is relied on: somebody else wrote it. */
  readonly verify: boolean;
}

export interface Ground {
  readonly place: PackPlace;
  readonly chunks: SharedChunks;
  readonly packs: PackList;
  readonly keys: KeyList;
}

/** Packs that are asked for at once. */
const ASKED_AT_ONCE = 16;
const ABSENT = -1;

/** The known rows: which chunks of which source they are, and which of them nobody has checked yet. */
export class KnownRows {
  readonly #sources: readonly PushSource[];
  /** For each source: the row of each of its chunks, or -1 where it must not be used. */
  readonly #rows: readonly Int32Array[];
  /** For each row: 1 where somebody else wrote the chunk and nobody has opened it yet. */
  readonly #unchecked: Uint8Array;

  private constructor(sources: readonly PushSource[], rows: readonly Int32Array[], unchecked: Uint8Array) {
    this.#sources = sources;
    this.#rows = rows;
    this.#unchecked = unchecked;
  }

  /** Enters all chunks of packs that are there and not condemned. Nobody else may use the shared chunks meanwhile. */
  static async load(
    ground: Ground,
    sources: readonly PushSource[],
    resume: AsyncIterable<PackRecord> | Iterable<PackRecord>,
  ): Promise<KnownRows> {
    const usable = new UsablePacks(ground.place);
    await loadRecords(ground, usable, resume);
    // What needs no checking first: of equal chunks the first stays.
    const ordered = [...sources].sort((a, b) => Number(a.verify) - Number(b.verify));
    const rows: Int32Array[] = [];
    let uncheckedFrom = ground.chunks.nextRow;
    for (const { tree, verify } of ordered) {
      rows.push(loadTree(ground, tree, await usable.among(tree.packs)));
      if (!verify) uncheckedFrom = ground.chunks.nextRow;
    }
    const unchecked = new Uint8Array(ground.chunks.nextRow).fill(1, uncheckedFrom);
    return new KnownRows(ordered, rows, unchecked);
  }

  get sources(): readonly PushSource[] {
    return this.#sources;
  }

  /** The row of a chunk of a source, or -1. */
  row(source: number, chunk: number): number {
    return this.#rows[source]?.[chunk] ?? ABSENT;
  }

  needsCheck(row: number): boolean {
    return this.#unchecked[row] === 1;
  }

  checked(row: number): void {
    this.#unchecked[row] = 0;
  }
}

async function loadRecords(
  { chunks, packs }: Ground,
  usable: UsablePacks,
  resume: AsyncIterable<PackRecord> | Iterable<PackRecord>,
): Promise<void> {
  const load = async (batch: readonly PackRecord[]) => {
    const there = await usable.among(batch);
    for (const [i, record] of batch.entries()) {
      if (!there[i]) continue;
      const pack = packs.number(record);
      for (const { h, ...chunk } of chunksOf(record)) chunks.add(h, { ...chunk, key: 0, pack });
    }
  };
  let batch: PackRecord[] = [];
  for await (const record of resume) {
    batch.push(record);
    if (batch.length < ASKED_AT_ONCE) continue;
    await load(batch);
    batch = [];
  }
  await load(batch);
}

function loadTree({ chunks, packs, keys }: Ground, tree: Tree, there: readonly boolean[]): Int32Array {
  const keyNumbers = tree.pushKeys.map((key) => keys.number(key));
  const packNumbers = tree.packs.map((pack, i) => (there[i] ? packs.number(pack) : ABSENT));
  const rows = new Int32Array(tree.chunks.count);
  for (let chunk = 0; chunk < rows.length; chunk++) {
    const place = tree.chunks.place(chunk);
    const pack = packNumbers[place.pack] ?? ABSENT;
    rows[chunk] = pack === ABSENT ? ABSENT : addOf(chunks, tree, chunk, place, keyNumbers, pack);
  }
  return rows;
}

function addOf(
  chunks: SharedChunks,
  tree: Tree,
  chunk: number,
  place: ChunkPlace,
  keyNumbers: readonly number[],
  pack: number,
): number {
  return chunks.add(tree.chunks.digest(chunk), { ...place, key: keyNumbers[place.key] ?? 0, pack });
}

class UsablePacks {
  readonly #place: PackPlace;
  readonly #known = new Map<string, { readonly bytes: number; readonly usable: boolean }>();
  #condemned: CondemnedPacks | undefined;

  constructor(place: PackPlace) {
    this.#place = place;
  }

  /** For each pack, whether something new may rely on it. */
  async among(packs: readonly PackRef[]): Promise<readonly boolean[]> {
    const unknown = packs.filter(({ id }) => !this.#known.has(id));
    if (unknown.length > 0) this.#condemned ??= await this.#place.condemned();
    let next = 0;
    const asker = async () => {
      for (let pack = unknown[next++]; pack; pack = unknown[next++]) {
        this.#known.set(pack.id, { bytes: pack.bytes, usable: await this.#check(pack) });
      }
    };
    await Promise.all(Array.from({ length: ASKED_AT_ONCE }, asker));
    // Who wrote a tree may say of another's pack what they like; a pack has one size in the new tree, the first one said.
    return packs.map(({ id, bytes }) => {
      const known = this.#known.get(id);
      return known?.bytes === bytes && known.usable;
    });
  }

  async #check({ id, bytes }: PackRef): Promise<boolean> {
    if (this.#condemned?.has(id)) return false;
    try {
      // The last byte and no more: what relies on a pack says how long it is, and is held to that.
      const end = await this.#place.store.range(packName(this.#place.prefix, id), bytes - 1, 2);
      return end?.length === 1;
    } catch (error) {
      // Who may push and not read cannot look: then it is stored anew.
      if (isIntegrity(error) || (error instanceof CloisterError && error.code === "FAILURE")) return false;
      throw error;
    }
  }
}
