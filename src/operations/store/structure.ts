// What can be checked of a version without any key: that its packs are there in their size, that its seal is what was signed,
// that there are wraps.
import { createHash } from "node:crypto";
import { isIntegrity } from "../../base/errors.ts";
import { SEAL_MAGIC_BYTES, type SealParts } from "../artifact/artifact-seal.ts";
import { sealName, wrapName } from "../artifact/version-record.ts";
import { needsRelease } from "../release/released-key.ts";
import type { Session } from "../session.ts";
import type { Inventory } from "./inventory.ts";
import { packsOf, type ReadRecord } from "./records.ts";

/** A pack that is not as a record says. */
export interface PackDamage {
  readonly pack: string;
  readonly why: string;
}

export function packDamage({ packs }: Inventory, { record }: ReadRecord): readonly PackDamage[] {
  return packsOf(record).flatMap(({ name, bytes }) => {
    const there = packs.get(name);
    if (!there) return [{ pack: name, why: "is missing" }];
    return there.bytes === bytes
      ? []
      : [{ pack: name, why: `has ${String(there.bytes)} bytes instead of ${String(bytes)}` }];
  });
}

/** @throws CloisterError whatever the store throws */
export async function partDamage(session: Session, { parts }: Inventory, read: ReadRecord): Promise<readonly string[]> {
  const { logged, record } = read;
  const names = new Set((parts.get(logged.versionId)?.objects ?? []).map(({ name }) => name));
  const wraps = ["metadata", ...(needsRelease(read) ? [] : ["data"])];
  const missing = wraps.filter((wrap) => !names.has(wrapName(record, logged.versionId, wrap)));
  return [
    ...missing.map((wrap) => `the wrapped ${wrap} key is missing`),
    ...(await sealDamage(session, sealName(record, logged.versionId), record.seal)),
  ];
}

const PIECE_BYTES = 4 * 1024 * 1024;

async function sealDamage({ store }: Session, name: string, parts: SealParts): Promise<readonly string[]> {
  const damage: string[] = [];
  let at = SEAL_MAGIC_BYTES;
  for (const part of ["header", "manifest", "tree"] as const) {
    const { bytes, sha256 } = parts[part];
    const hash = createHash("sha256");
    let done = 0;
    while (done < bytes) {
      const piece = await store.range(name, at + done, Math.min(PIECE_BYTES, bytes - done)).catch(unlessPlanted);
      if (!piece) return [...damage, "the seal is missing"];
      if (piece.length === 0) break;
      hash.update(piece);
      done += piece.length;
    }
    if (done < bytes) damage.push(`the sealed ${part} is cut short`);
    else if (hash.digest("hex") !== sha256) damage.push(`the sealed ${part} was changed`);
    at += bytes;
  }
  return damage;
}

function unlessPlanted(error: unknown): undefined {
  if (!isIntegrity(error)) throw error;
}
