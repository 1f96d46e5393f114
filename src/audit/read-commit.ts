// From the bytes of a commit object to envelopes and events; what cannot be read is nothing.
import { isIntegrity } from "../base/errors.ts";
import { canonicalBytes, type Json } from "../base/json.ts";
import { type Envelope, parseEnvelope } from "../keys/dsse.ts";
import { COMMIT_BYTES_MAX, COMMIT_TYPE, type Commit, decodeCommit } from "./commit.ts";
import { type AuditEvent, decodeEvent, ENVELOPE_BYTES_MAX, EVENT_TYPE } from "./event.ts";

/** A commit taken apart; nothing about it is verified yet. */
export interface ReadCommit {
  readonly envelope: Envelope;
  readonly commit: Commit;
  readonly entries: readonly { readonly envelope: Envelope; readonly event: AuditEvent; readonly leaf: Uint8Array }[];
}

/** Reads the commit object at a place of the sequence; undefined for whatever is not one of this project. */
export function readCommit(bytes: Uint8Array, seq: number, project: string): ReadCommit | undefined {
  try {
    const envelope = parseEnvelope(bytes, COMMIT_TYPE, "log commit", COMMIT_BYTES_MAX);
    const commit = decodeCommit(envelope.payload);
    if (commit.seq !== seq || commit.project !== project) return undefined;
    return { envelope, commit, entries: commit.entries.map(readEntry) };
  } catch (error) {
    // What cannot be read counts as empty; any other failure is a failure.
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}

function readEntry(json: Json): ReadCommit["entries"][number] {
  const leaf = canonicalBytes(json);
  const envelope = parseEnvelope(leaf, EVENT_TYPE, "log entry", ENVELOPE_BYTES_MAX);
  return { envelope, event: decodeEvent(envelope.payload), leaf };
}
