// The files of a version, without their contents.
import type { Session } from "../session.ts";
import type { FileListing, Selection } from "../types.ts";
import { movingWord } from "./pull.ts";
import { permitReading, resolve } from "./resolve.ts";
import { choose, isSelection } from "./selection.ts";
import { requireTree } from "./version-content.ts";
import { summaryOf } from "./versions.ts";

/**
 * Which files a version holds, and which of them a selection means. Nothing of the contents is fetched.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (also where this member has no key of the contents, whose list is sealed
 * with it), APPROVAL_PENDING (the key is being released), INTEGRITY
 */
export async function listFiles(session: Session, reference: string, select: Selection = {}): Promise<FileListing> {
  await session.sync();
  const version = await resolve(session, reference, { action: "artifact.read-metadata" });
  await permitReading(session, version);
  const summary = summaryOf(version);
  const { files } = await requireTree(session, version);
  const chosen = isSelection(select) ? choose(files, select, summary.reference) : undefined;
  const { entries, leftOut } = chosen ?? { entries: files, leftOut: undefined };
  return {
    ...summary,
    files: chosen?.files ?? summary.files,
    bytes: chosen?.bytes ?? summary.bytes,
    partial: leftOut && leftOut.files > 0 ? leftOut : undefined,
    via: movingWord(reference, summary),
    fileList: entries.flatMap(({ path, kind, bytes, sha256 }) =>
      kind === "directory" ? [] : [{ path, kind, bytes, sha256 }],
    ),
  };
}
