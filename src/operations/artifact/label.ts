// The label of a workspace, recomputed from the log: local files can be edited, logged mounts cannot.
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Ledger } from "../ledger.ts";

export interface Label {
  readonly class: string;
  /** Version it comes from. */
  readonly versionId: string;
}

/**
 * A workspace by its id and a key of its owner: what others log under the id is nothing to it. What the same member
 * logged with another key counts: a new key must not come without the label of the old.
 */
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
  for (const { entry, event } of ownEvents(ledger, { workspace, keyId })) {
    if (entry >= before || event.action !== "workspace.mount" || event.phase !== "intent") continue;
    const { versionId, class: said } = event;
    if (versionId === undefined || said === undefined) continue;
    for (const klass of [said, ledger.versionById(versionId)?.done.event.class ?? said]) {
      if (rank(classifications, klass) > rank(classifications, highest?.class)) highest = { class: klass, versionId };
    }
  }
  return highest;
}

/** A version of another domain that was mounted in a workspace: nothing that was made there may stand in this one. */
export function foreignMount(
  ledger: Ledger,
  workspace: OwnedWorkspace,
  domain: string,
  before = WHOLE_LOG,
): LoggedEvent | undefined {
  return ownEvents(ledger, workspace).find(({ entry, event }) => {
    if (entry >= before || event.action !== "workspace.mount" || event.phase !== "intent") return false;
    const logged = event.versionId === undefined ? undefined : ledger.versionById(event.versionId);
    return (logged?.domain ?? event.domain) !== domain;
  });
}

/** What the owner logged in the workspace, with whichever of their keys, in order. */
export function ownEvents(ledger: Ledger, { workspace, keyId }: OwnedWorkspace): readonly LoggedEvent[] {
  const all = ledger.inWorkspace(workspace);
  const owner = all.find((logged) => logged.keyId === keyId)?.member;
  return all.filter((logged) => logged.keyId === keyId || logged.member === owner);
}

/** A class the policy no longer knows ranks above all others: what cannot be judged is not let out. */
export function rank(classifications: readonly string[], klass: string | undefined): number {
  if (klass === undefined) return -1;
  const place = classifications.indexOf(klass);
  return place < 0 ? classifications.length : place;
}

/** Whether a command ran to its end in the workspace before a position of the log. */
export function ranIn(ledger: Ledger, workspace: OwnedWorkspace, before = WHOLE_LOG): boolean {
  const own = ownEvents(ledger, workspace).filter(({ entry }) => entry < before);
  const done = own.filter(({ event }) => event.phase === "done").map(({ event }) => event);
  // What is copied into a workspace is logged as a run, too, and has no exit code.
  const ran = done.some(({ action, facts }) => action === "workspace.run" && typeof facts?.["exit"] === "number");
  return ran && done.some(({ action }) => action === "workspace.create");
}
