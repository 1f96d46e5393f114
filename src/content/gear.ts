// The search for cuts, which `build/gear.mjs` assembles, and the memory it works on. Right in the room: see "Start-up" in
// docs/architecture.md.
import { readFileSync } from "node:fs";
import { instantiate, type WasmMemory } from "./wasm.ts";

/** No chunk that is cut by its content is longer. */
export const CUT_MAX = 128 * 1024;
/** The first page of the memory has the table. */
const SLAB_AT = 65536;
const SLAB_BYTES = 4 * 1024 * 1024;

/** Cuts what lies in its slab where the content says so: docs/store-format.md, Cutting. */
export interface Gear {
  /** 4 MiB, to be read into. */
  readonly slab: Buffer;
  /**
   * Where the chunk that starts at `start` ends, both in the slab. Depends on the `CUT_MAX` bytes from `start` on; where
   * fewer are known, `end` says how far, and what is there has to be the end of the stream.
   */
  cut(start: number, end: number): number;
}

interface Exports {
  readonly memory: WasmMemory;
  cut(from: number, end: number): number;
}

/** Looks right from `src`, from `dist` and from the packed command line. */
const FILE = new URL("../../dist/gear.wasm", import.meta.url);

/** A new slab; takes about a millisecond. */
export function openGear(): Gear {
  const { memory, cut } = instantiate<Exports>(readFileSync(FILE));
  return {
    slab: Buffer.from(memory.buffer, SLAB_AT, SLAB_BYTES),
    cut: (start, end) => cut(SLAB_AT + start, SLAB_AT + end) - SLAB_AT,
  };
}
