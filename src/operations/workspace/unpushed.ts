// What the end of a workspace would lose: regular files whose contents neither came in from this host nor were pushed.
import { CloisterError } from "../../base/errors.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { LostFile, LostFiles } from "../types.ts";
import { type Known, knownIn } from "./known.ts";
import type { WorkspaceState } from "./state.ts";

/**
 * Bounds of the work. What lies beyond them counts as unpushed, and is said not to have been looked at. First: of files as
 * long as something that is kept elsewhere, which only their contents tell apart.
 */
const COMPARED_BYTES_MAX = 8_000_000_000;
/** Of all others, whose digests are only for the receipt. */
const DIGESTED_BYTES_MAX = 256_000_000;
const NAMED_MAX = 1000;

/** Looks through a workspace that is alive. @throws CloisterError FAILURE where it ended or cannot be listed */
export async function unpushedIn(session: Session, sandbox: Sandbox, state: WorkspaceState): Promise<LostFiles> {
  const known = await knownIn(session, state.name);
  const files = await regularFiles(sandbox, state);
  const digests = await sandbox.digest(
    state.holder,
    worthReading(files.listed, known).map(({ path }) => path),
  );
  const lost = files.listed.filter(({ path, bytes }) => bytes > 0 && !known.digests.has(digests.get(path) ?? ""));
  const unread = lost.some(({ path, bytes }) => known.sizes.has(bytes) && !digests.has(path));
  return {
    files: lost.length,
    bytes: lost.reduce((sum, { bytes }) => sum + bytes, 0),
    named: lost
      .slice(0, NAMED_MAX)
      .map(({ path, bytes }): LostFile => ({ path, bytes, sha256: digests.get(path) }))
      .sort(byPath),
    complete: files.whole && !unread,
  };
}

interface RegularFile {
  readonly path: string;
  readonly bytes: number;
}

async function regularFiles(
  sandbox: Sandbox,
  { holder }: WorkspaceState,
): Promise<{ readonly listed: readonly RegularFile[]; readonly whole: boolean }> {
  const { entries, whole, problem } = await sandbox.list(holder, "workspace");
  if (problem) throw new CloisterError("FAILURE", "what lies in the workspace could not be listed", { why: problem });
  const listed = [...entries].flatMap(([path, { bytes, isFile }]) => (isFile ? [{ path, bytes }] : []));
  return { listed, whole };
}

/** First those that may be known, then, as far as it is cheap, the others. */
function worthReading(files: readonly RegularFile[], { sizes }: Known): readonly RegularFile[] {
  const mayBeKnown = within(
    COMPARED_BYTES_MAX,
    files.filter(({ bytes }) => bytes > 0 && sizes.has(bytes)),
  );
  const others = files.filter(({ bytes }) => bytes > 0 && !sizes.has(bytes)).slice(0, NAMED_MAX);
  return [...mayBeKnown, ...within(DIGESTED_BYTES_MAX, others)];
}

function within(bytesMax: number, files: readonly RegularFile[]): readonly RegularFile[] {
  let sum = 0;
  return files.filter(({ bytes }) => {
    if (sum + bytes > bytesMax) return false;
    sum += bytes;
    return true;
  });
}

function byPath(a: LostFile, b: LostFile): number {
  return a.path < b.path ? -1 : 1;
}
