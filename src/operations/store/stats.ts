// What artifacts hold, what they take in the store, and what they share.
import { list } from "../artifact/list.ts";
import type { Session } from "../session.ts";
import type { ArtifactStats, StoreStats, VersionSummary } from "../types.ts";
import { sortStore } from "./garbage.ts";
import { amountOf } from "./gc.ts";
import { packsOf, type ReadRecord, readRecords } from "./records.ts";

/** Changes nothing; names and sizes are those that `list` shows. @throws CloisterError whatever the store throws */
export async function storeStats(session: Session): Promise<StoreStats> {
  const listed = new Map((await list(session, { all: true })).versions.map((version) => [version.versionId, version]));
  const records = await readRecords(session);
  const { plan } = await sortStore(session, records, await session.store.now());
  const byArtifact = new Map<string, ReadRecord[]>();
  for (const read of records.live) {
    const { domain, nameId } = read.logged;
    const artifact = `${domain}/${nameId}`;
    byArtifact.set(artifact, [...(byArtifact.get(artifact) ?? []), read]);
  }
  const users = usersOf(byArtifact);
  const artifacts = [...byArtifact].map(([key, versions]) => statsOf(key, versions, listed, users));
  artifacts.sort((a, b) => b.stored - a.stored);
  const open = artifacts.filter(({ logical }) => logical !== undefined);
  const logical = sum(open.map((each) => each.logical ?? 0));
  const stored = sum(distinct([...byArtifact.values()].flat().filter(({ logged }) => listed.has(logged.versionId))));
  return {
    artifacts,
    versions: records.live.length,
    ...{ logical, stored, ratio: stored > 0 ? logical / stored : undefined },
    hidden: records.live.filter(({ logged }) => !listed.has(logged.versionId)).length,
    packs: amountOf(plan.needed.filter(isPack)),
    parts: amountOf(plan.needed.filter((item) => !isPack(item))),
    garbage: amountOf([...plan.fresh, ...plan.toCondemn]),
    condemned: amountOf([...plan.waiting, ...plan.due]),
  };
}

function isPack({ objects }: { readonly objects: readonly { readonly name: string }[] }): boolean {
  return objects.every(({ name }) => name.startsWith("packs/"));
}

/** How many artifacts need each pack. */
function usersOf(byArtifact: ReadonlyMap<string, readonly ReadRecord[]>): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  for (const versions of byArtifact.values()) {
    for (const name of distinct(versions).keys()) users.set(name, (users.get(name) ?? 0) + 1);
  }
  return users;
}

function statsOf(
  key: string,
  versions: readonly ReadRecord[],
  listed: ReadonlyMap<string, VersionSummary>,
  users: ReadonlyMap<string, number>,
): ArtifactStats {
  const summaries = versions.flatMap(({ logged }) => listed.get(logged.versionId) ?? []);
  const [first] = summaries;
  const packs = distinct(versions);
  const stored = sum(packs);
  const unique = sum([...packs].filter(([name]) => users.get(name) === 1));
  const [domain = "", nameId = ""] = key.split("/");
  return {
    artifact: first ? `${first.domain}/${first.name}` : `${domain}/(name ${nameId.slice(0, 12)})`,
    versions: versions.length,
    logical: first && sum(summaries.map(({ bytes }) => bytes)),
    ...{ stored, unique, shared: stored - unique },
  };
}

/** Sizes of the packs that some versions need, by their names. */
function distinct(versions: readonly ReadRecord[]): ReadonlyMap<string, number> {
  return new Map(versions.flatMap(({ record }) => packsOf(record).map(({ name, bytes }) => [name, bytes] as const)));
}

function sum(sizes: Iterable<number | readonly [string, number]>): number {
  let total = 0;
  for (const size of sizes) total += typeof size === "number" ? size : size[1];
  return total;
}
