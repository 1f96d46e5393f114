// What a run left in its workspace: two listings compared, digests taken of what differs.
import { sortedByPath } from "../../base/folder-digests.ts";
import { pathProblem } from "../../base/path.ts";
import type { RunFile, RunOutputs } from "../../provenance/run-details.ts";
import type { ListedEntry, Listing } from "../../sandbox/files/listing.ts";
import type { HolderState, Sandbox } from "../../sandbox/sandbox.ts";

/** Of one run's outputs, and of what it deleted. */
const LISTED_MAX = 1000;
const WORK = "work/";
/** What shells and interpreters keep for the next time: a session in which somebody only looked leaves it, too. */
const HISTORY = /^home\/\.(?:[a-z_]*history|lesshst)$/;
const LOCK =
  /^(?:[^/]+\/){0,2}(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lock|requirements[^/]*\.txt|constraints[^/]*\.txt|uv\.lock|poetry\.lock|pdm\.lock|pylock[^/]*\.toml|Pipfile\.lock|conda-lock\.ya?ml|environment\.ya?ml|pixi\.lock|renv\.lock|Manifest\.toml|Cargo\.lock|go\.sum)$/;
const LOCKS_MAX = 50;

export interface RunChanges {
  readonly outputs: RunOutputs;
  readonly locks: readonly RunFile[];
}

/** @throws CloisterError NOT_FOUND where the workspace is over */
export async function changesOf(
  sandbox: Sandbox,
  holder: HolderState,
  before: Listing,
  after: Listing,
): Promise<RunChanges> {
  const known = before.whole && after.whole;
  const changed = entriesOf(after).filter(({ path, state }) => before.entries.get(path)?.state !== state);
  const inWork = changed.filter(isWork).map(belowWork);
  const deleted = entriesOf(before).filter(({ path }) => !after.entries.has(path));
  const elsewhere = changed.filter((entry) => !isWork(entry) && !HISTORY.test(entry.path));
  const locks = entriesOf(after)
    .filter(isWork)
    .map(belowWork)
    .filter(({ path }) => LOCK.test(path));
  // Where not all is known, what differs between the parts that were seen is no list of what was written.
  const written = known ? listable(inWork.filter(({ isFile }) => isFile)) : [];
  const lockFiles = listable(locks).slice(0, LOCKS_MAX);
  const digests = await sandbox.digest(
    holder,
    [...written, ...lockFiles].map(({ path }) => path),
  );
  const digested = ({ path, bytes }: Entry): RunFile => ({ path, bytes, sha256: digests.get(path) });
  const gone = known ? deleted.filter(isWork).map(belowWork) : [];
  return {
    outputs: {
      files: written.map(digested),
      count: known ? inWork.length : 0,
      deleted: listable(gone).map(({ path }) => path),
      deletedCount: gone.length,
      elsewhere: elsewhere.length,
      known,
    },
    locks: lockFiles.map(digested),
  };
}

type Entry = ListedEntry & { readonly path: string };

function entriesOf({ entries }: Listing): readonly Entry[] {
  return [...entries].map(([path, entry]) => ({ path, ...entry }));
}

function isWork({ path }: Entry): boolean {
  return path.startsWith(WORK);
}

function belowWork(entry: Entry): Entry {
  return { ...entry, path: entry.path.slice(WORK.length) };
}

/** The first ones with names that an artifact may hold, in the order in which manifests list files. */
function listable(entries: readonly Entry[]): readonly Entry[] {
  return sortedByPath(entries.filter(({ path }) => pathProblem(path) === undefined)).slice(0, LISTED_MAX);
}
