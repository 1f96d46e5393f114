// The files of one push in columns: a million objects with all that is known of them would take most of a gigabyte.

import { byUtf8, sha256 } from "../../base/digest.ts";
import type { FileEntry, LocalFile } from "../../base/file-entry.ts";
import { grown } from "../grown.ts";
import { KINDS, NO_STREAM, type TreeFile, type TreeRow } from "../tree.ts";

const EMPTY = sha256();

export class FileTable {
  readonly #paths: string[] = [];
  readonly #locals: (LocalFile | undefined)[] = [];
  #kinds = new Uint8Array(64);
  #bytes = new Float64Array(64);
  #streams = new Uint32Array(64);
  #offsets = new Float64Array(64);
  #digests = Buffer.alloc(64 * 32);
  #sorted = true;
  #pathBytes = 0;

  get count(): number {
    return this.#paths.length;
  }

  /** Of all paths, as UTF-8. */
  get pathBytes(): number {
    return this.#pathBytes;
  }

  /** Number of the file that is added; as long as nothing else is said, it has no content. */
  add(path: string, kind: FileEntry["kind"], local: LocalFile | undefined): number {
    const before = this.#paths.at(-1);
    if (before !== undefined && byUtf8(before, path) > 0) this.#sorted = false;
    const file = this.#paths.push(path) - 1;
    this.#locals.push(local);
    this.#pathBytes += Buffer.byteLength(path);
    if (file === this.#kinds.length) this.#grow();
    this.#kinds[file] = KINDS.indexOf(kind);
    this.#streams[file] = NO_STREAM;
    if (kind !== "directory") this.#digests.set(EMPTY, file * 32);
    return file;
  }

  /** Says where the content of a file, which is not empty, stands. */
  locate(file: number, stream: number, offset: number, bytes: number): void {
    this.#streams[file] = stream;
    this.#offsets[file] = offset;
    this.#bytes[file] = bytes;
  }

  /** @param sha256 32 bytes */
  digested(file: number, digest: Uint8Array): void {
    this.#digests.set(digest, file * 32);
  }

  digestedHex(file: number, sha256: string): void {
    this.#digests.write(sha256, file * 32, 32, "hex");
  }

  /** All files in the order of their paths' UTF-8 bytes, each with what a person may want to know besides. */
  *inOrder(): Iterable<TreeFile & { readonly local: LocalFile | undefined }> {
    for (const file of this.#order()) yield this.#file(file);
  }

  /** The same as they stand in a tree. @param streams what each stream is called there */
  *rows(streams: readonly number[]): Iterable<TreeRow> {
    for (const file of this.#order()) {
      yield {
        path: this.#paths[file] ?? "",
        kind: KINDS[this.#kinds[file] ?? 0] ?? "file",
        bytes: this.#bytes[file] ?? 0,
        // Of a directory they were never set.
        digest: this.#digests.subarray(file * 32, file * 32 + 32),
        stream: streams[this.#streams[file] ?? NO_STREAM] ?? NO_STREAM,
        offset: this.#offsets[file] ?? 0,
      };
    }
  }

  #file(file: number): TreeFile & { readonly local: LocalFile | undefined } {
    const kind = KINDS[this.#kinds[file] ?? 0] ?? "file";
    return {
      path: this.#paths[file] ?? "",
      kind,
      bytes: this.#bytes[file] ?? 0,
      sha256: kind === "directory" ? "" : this.#digests.toString("hex", file * 32, file * 32 + 32),
      stream: this.#streams[file] ?? NO_STREAM,
      offset: this.#offsets[file] ?? 0,
      local: this.#locals[file],
    };
  }

  #order(): Uint32Array {
    const paths = this.#paths;
    const order = new Uint32Array(paths.length).map((_, file) => file);
    return this.#sorted ? order : order.sort((a, b) => byUtf8(paths[a] ?? "", paths[b] ?? ""));
  }

  #grow(): void {
    const capacity = this.#kinds.length * 2;
    this.#kinds = grown(new Uint8Array(capacity), this.#kinds);
    this.#bytes = grown(new Float64Array(capacity), this.#bytes);
    this.#streams = grown(new Uint32Array(capacity), this.#streams);
    this.#offsets = grown(new Float64Array(capacity), this.#offsets);
    this.#digests = grown(Buffer.alloc(capacity * 32), this.#digests);
  }
}
