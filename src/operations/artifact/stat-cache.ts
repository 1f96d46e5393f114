// What this device knows of files it pushed before: while one looks the same, it need not be read to know its content.
import { createHmac } from "node:crypto";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, systemCode } from "../../base/errors.ts";
import type { FileStats } from "../../base/file-entry.ts";
import { canonicalBytes } from "../../base/json.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import type { Identity } from "../../keys/identity.ts";
import { readLocal, writeDisposable } from "../local-file.ts";
import { decodeSeen, encodeSeen, SEEN_BYTES_MAX, type SeenFile, type SeenTable } from "./seen-table.ts";

/** What a push learnt of its files, to be remembered. */
export interface Learnt {
  /** The version that they were pushed as. */
  readonly versionId: string;
  readonly files: readonly SeenFile[];
}

export interface PushedHere {
  readonly path: string;
  readonly lookedMs: number;
  readonly reread?: boolean | undefined;
}

/** How far clocks of file systems may be coarse: FAT counts in steps of two seconds. */
const COARSE_MS = 2000;
/** Caches of one project that are kept, each for one path that was pushed. */
const CACHES_MAX = 64;

/**
 * The remembered files of one pushed path, in one sealed file. It can be lost at any time: what is damaged, from another
 * device or dated ahead of the clock is as if it were not there.
 *
 * A file counts as unchanged when device, inode, mode, size and both its times are what they were. Two changes within one
 * tick of the file system's clock leave the same times; so what had changed shortly before the push that read it is not
 * remembered at all (git calls such entries racy).
 */
export class StatCache {
  readonly #file: string;
  readonly #key: Buffer;
  readonly #context: { readonly seen: string };
  readonly #lookedMs: number;
  readonly #table: SeenTable | undefined;

  private constructor(file: string, key: Buffer, path: string, lookedMs: number, table: SeenTable | undefined) {
    this.#file = file;
    this.#key = key;
    this.#context = { seen: path };
    this.#lookedMs = lookedMs;
    this.#table = table;
  }

  /**
   * @param state folder for the state of this project
   * @param pushed its absolute path, and the wall clock before the first of its files was looked at; `reread` where
   * nothing that is remembered is to be believed
   */
  static async open(state: string, { ageSecret }: Pick<Identity, "ageSecret">, pushed: PushedHere): Promise<StatCache> {
    const { path, lookedMs, reread = false } = pushed;
    const key = createHmac("sha256", ageSecret).update("cloister seen files v1").digest();
    const file = join(folderOf(state), sha256Hex(key, canonicalBytes(path)).slice(0, 32));
    const table = reread ? undefined : await readTable(file, key, path);
    // A clock that was set back would make old changes look new, and new ones old.
    const isAhead = table !== undefined && table.lookedMs > lookedMs;
    return new StatCache(file, key, path, lookedMs, isAhead ? undefined : table);
  }

  /** The version that these files were last pushed as. */
  get versionId(): string | undefined {
    return this.#table?.versionId;
  }

  /** SHA-256 (hex) of the file's content, where it looks as it did when it was read for an earlier push. */
  sha256(path: string, stats: FileStats): string | undefined {
    return this.#table?.sha256(path, stats);
  }

  /** Replaces what is remembered. Never throws: the next push would only read more. */
  async learn({ versionId, files }: Learnt): Promise<void> {
    const before = BigInt(this.#lookedMs - COARSE_MS) * 1_000_000n;
    const settled = files.filter(({ stats }) => stats.mtimeNs < before && stats.ctimeNs < before);
    try {
      if (settled.length === 0) return await rm(this.#file, { force: true });
      if (this.#table?.holds(settled)) return await this.#used();
      const table = encodeSeen({ lookedMs: this.#lookedMs, versionId, files: settled });
      if (!table) return await rm(this.#file, { force: true });
      await writeDisposable(this.#file, sealBlob(this.#key, this.#context, table));
      await forgetOldest(join(this.#file, ".."));
    } catch (error) {
      if (!(error instanceof CloisterError) && systemCode(error) === undefined) throw error;
    }
  }

  /** The version that the table names holds all that it did. */
  async #used(): Promise<void> {
    const now = new Date(this.#lookedMs);
    await utimes(this.#file, now, now);
  }
}

function folderOf(state: string): string {
  return join(state, "seen");
}

async function readTable(file: string, key: Buffer, path: string): Promise<SeenTable | undefined> {
  try {
    const sealed = await readLocal(file, SEEN_BYTES_MAX);
    return sealed && decodeSeen(openBlob(key, { seen: path }, sealed, "list of files pushed before"));
  } catch (error) {
    if (error instanceof CloisterError) return undefined;
    throw error;
  }
}

async function forgetOldest(folder: string): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= CACHES_MAX) return;
  const files = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, mtimeMs: (await stat(path).catch(() => undefined))?.mtimeMs ?? 0 };
    }),
  );
  files.sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const { path } of files.slice(CACHES_MAX)) await rm(path, { force: true });
}
