// Chunks that are stored already and may be used again: those of given versions, and of packs an interrupted push left.
import { isIntegrity } from "../base/errors.ts";
import { type ChunkPlace, ChunkTable } from "./chunk-table.ts";
import { type PackPlace, type PackRef, packName } from "./pack.ts";
import { PackReader } from "./pack-reader.ts";
import type { PackRecord } from "./pack-writer.ts";
import { openChunk } from "./seal-chunk.ts";
import type { Tree } from "./tree.ts";

interface Source {
  readonly table: ChunkTable;
  readonly pushKeys: readonly Buffer[];
  readonly packs: readonly PackRef[];
  /** Opens each chunk before it is relied on: somebody else wrote it. */
  readonly verify: boolean;
}

/** A chunk that may be relied on, with all that a tree needs to know of it. */
export interface KnownChunk {
  readonly place: ChunkPlace;
  readonly pushKey: Buffer;
  readonly pack: PackRef;
}

export class KnownChunks {
  readonly #place: PackPlace;
  readonly #sources: readonly Source[];
  readonly #usable = new Map<string, Promise<boolean>>();
  readonly #reader: PackReader;

  constructor(
    place: PackPlace,
    pushKey: Buffer,
    versions: readonly { readonly tree: Tree; readonly verify: boolean }[],
    resume: readonly PackRecord[],
  ) {
    this.#place = place;
    this.#reader = new PackReader(place);
    const sources = resume.length > 0 ? [fromRecords(resume, pushKey)] : [];
    for (const { tree, verify } of versions) {
      const { chunks: table, pushKeys, packs } = tree;
      sources.push({ table, pushKeys, packs, verify });
    }
    this.#sources = sources;
  }

  /** A stored chunk with this digest and length in a pack that is there and not condemned, or undefined. */
  async find(h: Buffer, plainBytes: number): Promise<KnownChunk | undefined> {
    for (const source of this.#sources) {
      const row = source.table.find(h);
      if (row < 0) continue;
      const place = source.table.place(row);
      const pushKey = source.pushKeys[place.key];
      const pack = source.packs[place.pack];
      if (!pushKey || !pack || place.plain !== plainBytes || !(await this.#isUsable(pack))) continue;
      const known = { place, pushKey, pack };
      if (source.verify && !(await this.#opens(known, h))) continue;
      return known;
    }
    return undefined;
  }

  #isUsable(pack: PackRef): Promise<boolean> {
    let usable = this.#usable.get(pack.id);
    if (!usable) {
      usable = this.#check(pack);
      this.#usable.set(pack.id, usable);
    }
    return usable;
  }

  async #check({ id, bytes }: PackRef): Promise<boolean> {
    if (await this.#place.condemned(id)) return false;
    const end = await this.#place.store.range(packName(this.#place.prefix, id), bytes - 1, 1);
    return end?.length === 1;
  }

  async #opens({ place, pushKey, pack }: KnownChunk, h: Buffer): Promise<boolean> {
    try {
      openChunk(pushKey, h, place.codec, place.plain, await this.#reader.read(pack, place.offset, place.stored));
      return true;
    } catch (error) {
      if (isIntegrity(error)) return false;
      throw error;
    }
  }
}

function fromRecords(records: readonly PackRecord[], pushKey: Buffer): Source {
  const table = new ChunkTable();
  for (const [pack, record] of records.entries()) {
    for (const { h, ...chunk } of record.chunks) table.add(Buffer.from(h, "hex"), { key: 0, pack, ...chunk });
  }
  return { table, pushKeys: [pushKey], packs: records, verify: false };
}
