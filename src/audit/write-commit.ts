// From events to the bytes of a commit object: each event signed, then the commit around them.
import { parseCanonical } from "../base/json.ts";
import { signEnvelope } from "../keys/dsse.ts";
import type { Identity } from "../keys/identity.ts";
import { COMMIT_TYPE, type Commit, encodeCommit } from "./commit.ts";
import { type AuditEvent, ENVELOPE_BYTES_MAX, EVENT_TYPE, encodeEvent } from "./event.ts";
import type { CompactTree } from "./merkle.ts";

/** @param tree of everything before the commit */
export async function writeCommit(
  identity: Identity,
  events: readonly AuditEvent[],
  tree: CompactTree,
  place: Pick<Commit, "project" | "seq" | "timeMs" | "previous">,
): Promise<Uint8Array> {
  const leaves = await Promise.all(events.map((event) => signEnvelope(EVENT_TYPE, encodeEvent(event), identity)));
  const entries = leaves.map((leaf) => parseCanonical(leaf, "log entry", ENVELOPE_BYTES_MAX));
  const after = leaves.reduce((before, leaf) => before.append(leaf), tree);
  const commit = { ...place, size: tree.size, entries, root: after.root() };
  return signEnvelope(COMMIT_TYPE, encodeCommit(commit), identity);
}
