// A commit: one create-only object of the log, holding one or more entries and the tree they lead to.
import { integrity } from "../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../base/json.ts";
import { Fields, SHA256 } from "../base/record.ts";

export const COMMIT_TYPE = "application/vnd.cloister.commit.v1+json";
/** Room for a few hundred parked entries of 16 KiB each. */
export const COMMIT_BYTES_MAX = 8 * 1024 * 1024;
const ENTRIES_MAX = 256;

export interface Commit {
  readonly project: string;
  /** Place in the sequence of commits, from 0. */
  readonly seq: number;
  /** Entries in the log before this commit. */
  readonly size: number;
  /** ms since 1970: the store's clock, never before the commit that came before. */
  readonly timeMs: number;
  /** SHA-256 of the last commit object that counted; zeros for the first. Binds its time and place, too. */
  readonly previous: string;
  /** DSSE envelopes of the events; the canonical bytes of each are a leaf of the tree. */
  readonly entries: readonly Json[];
  /** Root of the tree after this commit, hex. */
  readonly root: string;
}

export function commitName(seq: number): string {
  return `log/commit/${String(seq).padStart(16, "0")}`;
}

export function encodeCommit(commit: Commit): Uint8Array {
  const { project, seq, size, timeMs, previous, entries, root } = commit;
  const checkpoint = { size: size + entries.length, root };
  return canonicalBytes({ v: 1, project, seq, size, time: timeMs, previous, entries, checkpoint });
}

/** @throws CloisterError INTEGRITY */
export function decodeCommit(payload: Uint8Array): Commit {
  const fields = new Fields(parseCanonical(payload, "log commit", COMMIT_BYTES_MAX), "log commit");
  const version = fields.integer("v", 1);
  const commit = {
    project: fields.string("project"),
    seq: fields.integer("seq"),
    size: fields.integer("size"),
    timeMs: fields.integer("time"),
    previous: fields.string("previous", SHA256),
    entries: fields.list("entries"),
  };
  const checkpoint = fields.fields("checkpoint");
  const sizeAfter = checkpoint.integer("size", 1);
  const root = checkpoint.string("root", SHA256);
  checkpoint.end();
  fields.end();
  const count = commit.entries.length;
  if (version !== 1 || count < 1 || count > ENTRIES_MAX || sizeAfter !== commit.size + count) {
    throw integrity("malformed log commit");
  }
  return { ...commit, root };
}
