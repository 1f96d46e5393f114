/** What lies under a name in a store. */
export interface StoredObject {
  readonly name: string;
  readonly bytes: number;
  /**
   * When it came to lie there or later, by the store's clock in ms since 1970; in a bucket, a large object's upload began
   * then. Absent where the store does not tell.
   */
  readonly changedMs?: number | undefined;
}

/** What a writer left that never became an object: a temporary file, an upload in parts. */
export interface Unfinished {
  /** Means something to the store alone. */
  readonly id: string;
  /** 0 where the store does not tell. */
  readonly bytes: number;
  /** When it was last written to, or begun, in ms since 1970. */
  readonly changedMs: number;
}

/**
 * The shared state of a project: named immutable objects. A folder or a bucket lies behind it; it knows nothing of what
 * the objects mean. Names are `/`-separated segments of `[A-Za-z0-9._-]`, none of them starting with a dot.
 *
 * Every method may throw `CloisterError` UNAVAILABLE (retry) or FAILURE (full disk, no permission); a failed `create`
 * may or may not have taken effect, and `create` of the same bytes again tells: `exists`, then `get` and compare.
 */
export interface Store {
  /** Where it is, as a person would write it. */
  readonly url: string;
  /** The whole object, or undefined where there is none. @throws INTEGRITY where it is larger than `bytesMax` */
  get(name: string, bytesMax: number): Promise<Uint8Array | undefined>;
  /**
   * Up to `length` bytes from `from`; fewer at the end of the object; undefined where there is no object.
   * @param into memory of `length` bytes that the answer may be a part of, which saves making and copying it
   */
  range(name: string, from: number, length: number, into?: Uint8Array): Promise<Uint8Array | undefined>;
  /** All objects whose name starts with `prefix` (which ends in `/`, or is empty), in order of their names. */
  list(prefix: string): AsyncIterable<StoredObject>;
  /** Writes the object unless the name is taken. When it returns `created`, the object survives power loss. */
  create(name: string, parts: readonly Uint8Array[]): Promise<"created" | "exists">;
  /**
   * Begins an object that is written piece by piece, so that it never lies in memory whole. Absent where objects are sent
   * whole; then callers collect the pieces and `create` it.
   */
  begin?(): Promise<ObjectDraft>;
  /** Removes the object; no error where there is none. */
  delete(name: string): Promise<void>;
  /** What was begun and is no object; some of it is being written now. */
  unfinished?(): AsyncIterable<Unfinished>;
  /** Removes it; whoever is still writing it fails. No error where it is gone. */
  discard?(unfinished: Unfinished): Promise<void>;
  /** The store's clock, in ms since 1970; an ordinary second behind at most. */
  now(): Promise<number>;
  /**
   * Where a server decides what `create` means: proves by trying that one of several racing writers of a name wins, and
   * leaves nothing behind. Absent where the operating system is known to keep that promise.
   * @throws CloisterError UNSUPPORTED_HOST
   */
  prove?(): Promise<void>;
}

/** An object that has no name yet. Either `finish` or `discard` ends it. */
export interface ObjectDraft {
  /** Appends; the bytes may change again once it returns. */
  append(bytes: Uint8Array): Promise<void>;
  /** As `Store.create`: durable when it returns `created`. After a failure the outcome is unknown, as there. */
  finish(name: string): Promise<"created" | "exists">;
  /** Removes what was written. Never throws. */
  discard(): Promise<void>;
}
