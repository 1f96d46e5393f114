// What the end of a workspace would lose: regular files whose contents neither came in from this host nor were pushed.
import type { ListedFile, Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { LostFile, LostFiles } from "../types.ts";
import { type Known, knownIn } from "./known.ts";
import type { WorkspaceState } from "./state.ts";

/** Bounds of the work. What lies beyond them counts as unpushed, and is said not to have been looked at. */
const FILES_MAX = 100_000;
/** Of files as long as something that is kept elsewhere, which only their contents tell apart. */
const COMPARED_BYTES_MAX = 8_000_000_000;
/** Of all others, whose digests are only for the receipt. */
const DIGESTED_BYTES_MAX = 256_000_000;
const NAMED_MAX = 1000;

/** Looks through a workspace that is alive. @throws CloisterError FAILURE where it ended or cannot be listed */
export async function unpushedIn(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<LostFiles> {
  const known = await knownIn(session, state.name);
  const { files, complete } = await sandbox.list(state.holder, FILES_MAX);
  const digests = await sandbox.digest(state.holder, worthReading(files, known));
  const lost = files.filter(({ name, bytes }) => bytes > 0 && !known.digests.has(digests.get(name) ?? ""));
  const unread = lost.some(({ name, bytes }) => known.sizes.has(bytes) && !digests.has(name));
  return {
    files: lost.length,
    bytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
    named: lost
      .slice(0, NAMED_MAX)
      .map((file) => described(file, digests))
      .sort(byPath),
    complete: complete && !unread,
  };
}

/** First those that may be known, then, as far as it is cheap, the others. */
function worthReading(files: readonly ListedFile[], { sizes }: Known): readonly ListedFile[] {
  const mayBeKnown = within(
    COMPARED_BYTES_MAX,
    files.filter(({ bytes }) => bytes > 0 && sizes.has(bytes)),
  );
  const others = files.filter(({ bytes }) => bytes > 0 && !sizes.has(bytes)).slice(0, NAMED_MAX);
  return [...mayBeKnown, ...within(DIGESTED_BYTES_MAX, others)];
}

function within(bytesMax: number, files: readonly ListedFile[]): readonly ListedFile[] {
  let sum = 0;
  return files.filter(({ bytes }) => {
    if (sum + bytes > bytesMax) return false;
    sum += bytes;
    return true;
  });
}

function described({ name, bytes }: ListedFile, digests: ReadonlyMap<string, string>): LostFile {
  return { path: Buffer.from(name, "latin1").toString("utf8"), bytes, sha256: digests.get(name) };
}

function byPath(a: LostFile, b: LostFile): number {
  return a.path < b.path ? -1 : 1;
}
