// The label of a workspace, recomputed from the log: local files can be edited, logged mounts cannot.
import type { Ledger } from "./ledger.ts";

export interface Label {
  readonly class: string;
  /** Version it comes from. */
  readonly versionId: string;
}

/** A stretch of the log: everything before this entry. */
const WHOLE_LOG = Number.POSITIVE_INFINITY;

/**
 * The highest class ever mounted in a workspace; undefined where nothing was. Intents count, so that a mount that was
 * interrupted raises the label, too. The class of a version is the one its push was logged with, not what the mount says.
 *
 * @param classifications of the policy that decides, lowest first
 * @param before entry of the log up to which mounts count
 */
export function labelOf(
  ledger: Ledger,
  workspace: string,
  classifications: readonly string[],
  before = WHOLE_LOG,
): Label | undefined {
  let highest: Label | undefined;
  for (const { entry, event } of ledger.inWorkspace(workspace)) {
    if (entry >= before || event.action !== "workspace.mount" || event.phase !== "intent") continue;
    const { versionId, class: said } = event;
    if (versionId === undefined || said === undefined) continue;
    const logged = ledger.classOf(versionId);
    for (const klass of logged === undefined ? [said] : [said, logged]) {
      if (rank(classifications, klass) > rank(classifications, highest?.class)) highest = { class: klass, versionId };
    }
  }
  return highest;
}

/** A class the policy no longer knows ranks above all others: what cannot be judged is not let out. */
function rank(classifications: readonly string[], klass: string | undefined): number {
  if (klass === undefined) return -1;
  const place = classifications.indexOf(klass);
  return place < 0 ? classifications.length : place;
}

/** Whether a command ran to its end in the workspace before a position of the log. */
export function ranIn(ledger: Ledger, workspace: string, before = WHOLE_LOG): boolean {
  return ledger
    .inWorkspace(workspace)
    .some(({ entry, event }) => entry < before && event.action === "workspace.run" && event.phase === "done");
}
