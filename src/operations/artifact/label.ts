// The label of a workspace, recomputed from the log: local files can be edited, logged mounts cannot.
import type { Ledger } from "../ledger.ts";

export interface Label {
  readonly class: string;
  /** Version it comes from. */
  readonly versionId: string;
}

/** A workspace by its id and the key of its owner: what others log under the id is nothing to it. */
export interface OwnedWorkspace {
  readonly workspace: string;
  readonly keyId: string;
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
  { workspace, keyId }: OwnedWorkspace,
  classifications: readonly string[],
  before = WHOLE_LOG,
): Label | undefined {
  let highest: Label | undefined;
  for (const { entry, event, keyId: by } of ledger.inWorkspace(workspace)) {
    if (by !== keyId || entry >= before || event.action !== "workspace.mount" || event.phase !== "intent") continue;
    const { versionId, class: said } = event;
    if (versionId === undefined || said === undefined) continue;
    for (const klass of [said, ledger.versionById(versionId)?.done.event.class ?? said]) {
      if (rank(classifications, klass) > rank(classifications, highest?.class)) highest = { class: klass, versionId };
    }
  }
  return highest;
}

/** A class the policy no longer knows ranks above all others: what cannot be judged is not let out. */
export function rank(classifications: readonly string[], klass: string | undefined): number {
  if (klass === undefined) return -1;
  const place = classifications.indexOf(klass);
  return place < 0 ? classifications.length : place;
}

/** Whether a command ran to its end in the workspace before a position of the log. */
export function ranIn(ledger: Ledger, { workspace, keyId }: OwnedWorkspace, before = WHOLE_LOG): boolean {
  const own = ledger.inWorkspace(workspace).filter((logged) => logged.keyId === keyId && logged.entry < before);
  const did = (action: string) =>
    // Files that were copied in or out are logged as a use of the workspace, and made nothing.
    own.some(({ event }) => event.action === action && event.phase === "done" && event.facts?.["copied"] === undefined);
  return did("workspace.create") && did("workspace.run");
}
