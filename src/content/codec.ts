// Compressed content: one frame of Zstandard for each chunk, made and read by the reference implementation in WebAssembly.
// It is the same on every machine and needs no compiler; a hostile frame finds itself in a memory that holds nothing else.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { sha256Hex } from "../base/digest.ts";
import { CloisterError } from "../base/errors.ts";
import { instantiate, type WasmMemory } from "./wasm.ts";
import { isFrameOf } from "./zstd-frame.ts";

/** Bytes of the longest content that is compressed at once. */
const CONTENT_MAX = 256 * 1024;
/** The fastest level that compresses at all; the next ones take twice the time for a few per cent. */
const LEVEL = 1;

/** Functions of zstd.h in the build with this digest, which gives them names of one letter. */
const BUILD = "80260eee5795ee8072bb5821e203730c74dca3909938f5ac1128da67f96223df";
interface Exports {
  readonly f: WasmMemory;
  /** Runs constructors. */
  g(): void;
  /** `ZSTD_isError` */
  h(code: number): number;
  /** `ZSTD_compressBound` */
  i(bytes: number): number;
  /** `ZSTD_createCCtx` */
  j(): number;
  /** `ZSTD_compress_usingDict` */
  l(
    context: number,
    to: number,
    room: number,
    from: number,
    bytes: number,
    dict: 0,
    dictBytes: 0,
    level: number,
  ): number;
  /** `ZSTD_createDCtx` */
  n(): number;
  /** `ZSTD_decompress_usingDict` */
  q(context: number, to: number, room: number, from: number, bytes: number, dict: 0, dictBytes: 0): number;
  /** `malloc` */
  s(bytes: number): number;
}

/** The library with contexts of its own, which are kept: to make one takes longer than to compress a chunk. */
class Zstd {
  readonly #lib: Exports;
  readonly #memory: Buffer;
  readonly #input: number;
  readonly #output: number;
  readonly #room: number;
  readonly #compressor: number;
  readonly #decompressor: number;

  constructor() {
    const require = createRequire(import.meta.url);
    const file = join(dirname(require.resolve("@bokuweb/zstd-wasm")), "zstd.wasm");
    const code = readFileSync(file);
    if (sha256Hex(code) !== BUILD) throw new Error(`${file} is another build than expected`);
    const never = () => {
      throw new Error("zstd gave up");
    };
    // Memory never grows: 16 MiB are several times what both contexts need, and a view of it stays valid.
    const lib = instantiate<Exports>(code, { a: { a: never, b: never, c: never, d: never, e: () => 0 } });
    lib.g();
    this.#lib = lib;
    this.#memory = Buffer.from(lib.f.buffer);
    this.#room = lib.i(CONTENT_MAX);
    this.#input = lib.s(this.#room);
    this.#output = lib.s(this.#room);
    this.#compressor = lib.j();
    this.#decompressor = lib.n();
    if ([this.#input, this.#output, this.#compressor, this.#decompressor].includes(0)) never();
  }

  compress(content: Uint8Array): Buffer {
    this.#memory.set(content, this.#input);
    const { length } = content;
    return this.#made(this.#lib.l(this.#compressor, this.#output, this.#room, this.#input, length, 0, 0, LEVEL));
  }

  decompress(frame: Uint8Array, contentBytes: number): Buffer {
    this.#memory.set(frame, this.#input);
    const { length } = frame;
    return this.#made(this.#lib.q(this.#decompressor, this.#output, contentBytes, this.#input, length, 0, 0));
  }

  #made(bytes: number): Buffer {
    if (this.#lib.h(bytes) !== 0) throw new Error("zstd failed");
    return this.#memory.subarray(this.#output, this.#output + bytes);
  }
}

/** Two, so that nothing that a hostile frame does to its memory reaches what is compressed. */
const loaded: { compressing?: Zstd | Error; decompressing?: Zstd | Error } = {};

function load(purpose: "compressing" | "decompressing"): Zstd | Error {
  try {
    loaded[purpose] ??= new Zstd();
  } catch (error) {
    loaded[purpose] = error as Error;
  }
  return loaded[purpose];
}

/**
 * Content of up to 256 KiB as one frame; valid until the next call. Undefined where that is not shorter, and where this
 * machine cannot compress: content is then stored as it is.
 */
export function compress(content: Uint8Array): Buffer | undefined {
  const library = load("compressing");
  if (library instanceof Error) return undefined;
  const frame = library.compress(content);
  return frame.length < content.length ? frame : undefined;
}

/**
 * Content of a frame, at most 256 KiB. Nothing is decompressed before the frame says exactly that length.
 *
 * @returns a view that is valid until the next call; undefined where the frame is not one of so much content, or no shorter
 * @throws CloisterError UNSUPPORTED_HOST where this machine cannot decompress
 */
export function decompress(frame: Buffer, contentBytes: number): Buffer | undefined {
  if (contentBytes > CONTENT_MAX || frame.length >= contentBytes || !isFrameOf(frame, contentBytes)) return undefined;
  const library = load("decompressing");
  if (library instanceof Error) throw unsupported(library);
  try {
    const content = library.decompress(frame, contentBytes);
    return content.length === contentBytes ? content : undefined;
  } catch {
    // Whatever state it is in now: the next frame gets another.
    delete loaded.decompressing;
    return undefined;
  }
}

function unsupported(cause: Error): CloisterError {
  return new CloisterError(
    "UNSUPPORTED_HOST",
    "content of this artifact is compressed, and cannot be decompressed here",
    {
      why: `the Zstandard library cannot be loaded (${cause.message})`,
      next: "install Cloister anew, on a Node.js that runs WebAssembly",
      cause,
    },
  );
}
