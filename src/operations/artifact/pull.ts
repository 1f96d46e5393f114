// Pull: a version leaves the store, decrypted, verified and on record.
import { resolve as resolvePath } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { checkFree, restoreFolder, streamFile } from "../../content/restore.ts";
import { type Ask, perform, wouldPermit } from "../guard.ts";
import type { Session } from "../session.ts";
import type { Pulled, PullOptions, VersionSummary } from "../types.ts";
import { manifestOf } from "./check-manifest.ts";
import { PROVENANCE_FILE } from "./provenance-file.ts";
import { resolve } from "./resolve.ts";
import { contentOf } from "./version-content.ts";
import { summaryOf } from "./versions.ts";

/**
 * Writes a version to a new or empty folder, with its signed manifest beside the files, or its only file to a stream.
 * @throws CloisterError NOT_FOUND, POLICY_DENIED (logged), INTEGRITY (nothing is written), USAGE (the folder is not
 * empty), INTERRUPTED
 */
export async function pull(session: Session, options: PullOptions): Promise<Pulled> {
  await session.sync();
  const { purpose, justification } = options;
  const version = await resolve(session, options.reference, { action: "artifact.pull", purpose, justification });
  const summary = summaryOf(version);
  const via = movingWord(options.reference, summary);
  const ask: Ask = {
    ...{ title: `pull ${summary.reference}`, action: "artifact.pull", reference: summary.reference },
    ...{ domain: summary.domain, class: summary.class, kind: summary.kind, versionId: summary.versionId },
    ...{ purpose: options.purpose, justification: options.justification },
    governance: { pulledBytes: summary.bytes },
    // Also before it ends: what is under way counts for the quota.
    facts: { bytes: summary.bytes },
    sealed: {
      ...{ artifact: summary.reference, asked: via && options.reference },
      ...{ purpose: options.purpose, justification: options.justification },
    },
  };
  const folder = "folder" in options.output ? resolvePath(session.host.cwd, options.output.folder) : undefined;
  if (options.dryRun) {
    await wouldPermit(session, ask);
    return { ...summary, via, dryRun: true, folder, pullEntry: undefined };
  }
  if (folder !== undefined) await checkFree(folder);
  if ("stream" in options.output && summary.files !== 1) {
    throw new CloisterError("USAGE", `${summary.reference} has ${String(summary.files)} files`, {
      why: "only a single file can go to standard output",
      next: `cloister pull ${options.reference} -o DIR`,
    });
  }
  const { done } = await perform(session, ask, async (_operation, released) => {
    const { bundle } = await manifestOf(session, version);
    const files = await contentOf(session, version);
    if ("stream" in options.output) {
      released();
      await streamFile(files, options.output.stream);
    } else {
      const extra = [{ path: PROVENANCE_FILE, bytes: bundle }];
      await restoreFolder(folder ?? "", files, extra, { signal: session.host.signal });
    }
    return { result: undefined, outcome: { facts: { bytes: summary.bytes } } };
  });
  return { ...summary, via, dryRun: false, folder, pullEntry: done.entry };
}

/** The stage or tag by which it was asked for; undefined where the reference always means this version. */
function movingWord(reference: string, { label }: VersionSummary): string | undefined {
  const { version } = parseReference(reference);
  return version.kind === "label" && version.label !== label ? version.label : undefined;
}
