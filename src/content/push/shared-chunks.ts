// The chunks of one push, in memory that all its workers share: by digest, and by row.

/** Columns of a row that are known only when the chunk lies in a pack are set by the side that fills packs. */
export interface SharedChunks {
  /** The buffers, to send to a worker; `openSharedChunks` takes them there. */
  shared(): readonly SharedArrayBuffer[];
}
