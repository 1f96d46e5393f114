// What of a damaged version another copy of the store has right.
import { isIntegrity } from "../../base/errors.ts";
import { contentOf } from "../artifact/version-content.ts";
import { sealName, type VersionRecord, versionName } from "../artifact/version-record.ts";
import { readRecord, readVersionAt } from "../artifact/versions.ts";
import type { LoggedVersion } from "../ledger.ts";
import type { Session } from "../session.ts";
import type { RepairedObject } from "../types.ts";
import type { Inventory } from "./inventory.ts";
import { packsOf } from "./records.ts";
import { partDamage } from "./structure.ts";

/** This store, and the copy: the log, the keys and the policy are those of this one. */
export interface Both {
  readonly here: Session;
  readonly copy: Session;
  readonly inventory: Inventory;
  readonly copied: Inventory;
}

/** What can be put right of one version; nothing where the copy has no signed record of it either. */
export async function repairable(
  both: Both,
  logged: LoggedVersion,
  contentDamaged: boolean,
): Promise<readonly RepairedObject[]> {
  const record = await recordIn(both.copy, logged);
  if (!record) return [];
  return [
    ...(await repairRecord(both, logged)),
    ...(await repairParts(both, logged, record)),
    ...(await repairPacks(both, logged, record, contentDamaged)),
  ];
}

/** The record that the log names: its signature and its id are checked, wherever it lies. */
async function recordIn(session: Session, logged: LoggedVersion): Promise<VersionRecord | undefined> {
  try {
    return (await readRecord(session, logged)).record;
  } catch (error) {
    if (isIntegrity(error)) return undefined;
    throw error;
  }
}

async function repairRecord(
  { here, inventory, copied }: Both,
  logged: LoggedVersion,
): Promise<readonly RepairedObject[]> {
  if (await recordIn(here, logged)) return [];
  const bytes = copied.records.get(logged.versionId)?.bytes ?? 0;
  const what = inventory.records.has(logged.versionId) ? "replace" : "add";
  return [{ name: versionName(logged), what, bytes, by: "digest" }];
}

async function repairParts(
  { here, copy, inventory, copied }: Both,
  logged: LoggedVersion,
  record: VersionRecord,
): Promise<readonly RepairedObject[]> {
  const read = { logged, record };
  const there = new Map((copied.parts.get(logged.versionId)?.objects ?? []).map(({ name, bytes }) => [name, bytes]));
  const own = new Set((inventory.parts.get(logged.versionId)?.objects ?? []).map(({ name }) => name));
  const seal = sealName(record, logged.versionId);
  const isSeal = (damage: readonly string[]): boolean => damage.some((what) => what.includes("seal"));
  const found: RepairedObject[] = [];
  if (isSeal(await partDamage(here, inventory, read)) && !isSeal(await partDamage(copy, copied, read))) {
    found.push({ name: seal, what: own.has(seal) ? "replace" : "add", bytes: there.get(seal) ?? 0, by: "digest" });
  }
  // Whether a wrap is the right one shows when it opens the seal; one that is there is left alone.
  for (const [name, bytes] of there) {
    if (name.startsWith("wraps/") && !own.has(name)) found.push({ name, what: "add", bytes, by: "form" });
  }
  return found;
}

/** What is inside of packs only their keys tell: those that differ are taken from the copy where the version reads whole there. */
async function repairPacks(
  both: Both,
  logged: LoggedVersion,
  record: VersionRecord,
  contentDamaged: boolean,
): Promise<readonly RepairedObject[]> {
  const { inventory, copied } = both;
  const packs = packsOf(record);
  const wrong = packs.filter(({ name, bytes }) => inventory.packs.get(name)?.bytes !== bytes);
  const fit = wrong.filter(({ name, bytes }) => copied.packs.get(name)?.bytes === bytes);
  const reads = (contentDamaged || fit.length > 0) && (await readsWhole(both.copy, logged));
  const by = reads ? "opened" : "size";
  const found: RepairedObject[] = fit.map(({ name, bytes }) => {
    return { name, what: inventory.packs.has(name) ? "replace" : "add", bytes, by };
  });
  if (!contentDamaged || !reads) return found;
  for (const { name, bytes } of packs.filter((pack) => !wrong.includes(pack))) {
    if (await differs(both, name, bytes)) found.push({ name, what: "replace", bytes, by: "opened" });
  }
  return found;
}

/** Whether this member can open all of it in that store, and it is what it should be. */
export async function readsWhole(session: Session, logged: LoggedVersion): Promise<boolean> {
  try {
    const nameKey = await session.keys.nameKey(logged.domain);
    const judged = nameKey && (await readVersionAt(session, logged, nameKey));
    if (judged?.kind !== "accepted") return false;
    for await (const file of await contentOf(session, judged.version, undefined, "checking")) {
      if (file.kind === "directory") continue;
      for await (const piece of file.read()) if (piece.length === 0) break;
    }
    return true;
  } catch (error) {
    if (isIntegrity(error)) return false;
    throw error;
  }
}

const PIECE_BYTES = 8 * 1024 * 1024;

async function differs({ here, copy }: Both, name: string, bytes: number): Promise<boolean> {
  for (let at = 0; at < bytes; at += PIECE_BYTES) {
    const length = Math.min(PIECE_BYTES, bytes - at);
    const [own, other] = await Promise.all([here.store.range(name, at, length), copy.store.range(name, at, length)]);
    if (!own || !other || Buffer.compare(own, other) !== 0) return true;
  }
  return false;
}
