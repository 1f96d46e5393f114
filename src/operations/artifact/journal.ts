// What a push has stored so far, so that the same command after an interruption goes on instead of beginning again.
import { createHmac, randomBytes } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { canonicalBytes } from "../../base/json.ts";
import { openBlob, sealBlob } from "../../content/blob.ts";
import type { PackRecord } from "../../content/push/pack-record.ts";
import type { Identity } from "../../keys/identity.ts";
import { newOperationId } from "../guard.ts";
import { readLocal, writeLocal } from "../local-file.ts";
import { releaseLock, takeLock } from "../process-lock.ts";
import { PackLog } from "./pack-log.ts";

const ENTRY_BYTES_MAX = 64 * 1024;

/** One unfinished push. It holds the key of what was stored, so its files are sealed to this device's identity. */
export class Journal {
  #operation: string;
  #pushKey: Buffer;
  readonly #packs: PackLog;
  #attempt: Attempt | undefined;
  readonly resumed: boolean;
  readonly #folder: string;
  readonly #key: Buffer;
  readonly #new = new Set<string>();

  private constructor(
    folder: string,
    key: Buffer,
    head: Head,
    found: { readonly attempt: Attempt | undefined } | undefined,
  ) {
    this.#folder = folder;
    this.#key = key;
    this.#operation = head.operation;
    this.#pushKey = Buffer.from(head.pushKey, "hex");
    this.#packs = new PackLog(join(folder, "packs"), key);
    this.#attempt = found?.attempt;
    this.resumed = found !== undefined;
  }

  /**
   * Opens the journal of a push, or begins one. A journal that cannot be read is thrown away: the push begins anew.
   * @param state folder for the state of this project
   * @param push what makes it the same push: where from, under which name
   */
  static async open(state: string, identity: Identity, push: readonly string[]): Promise<Journal> {
    const key = createHmac("sha256", identity.ageSecret).update("cloister push journal v1").digest();
    const own = join(state, "pushes", sha256Hex(key, canonicalBytes(push)).slice(0, 32));
    await mkdir(own, { recursive: true, mode: 0o700 });
    // A second command that pushes the same at the same time is another push, with a journal that nobody resumes.
    const isOwn = await takeLock(`${own}.lock`);
    const folder = isOwn ? own : `${own}-${randomBytes(6).toString("hex")}`;
    const head = await readEntry<Head>(folder, key, "head");
    if (head) {
      return new Journal(folder, key, head, { attempt: await readEntry<Attempt>(folder, key, "attempt") });
    }
    await rm(folder, { recursive: true, force: true });
    const fresh = { operation: newOperationId(), pushKey: randomBytes(32).toString("hex") };
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeEntry(folder, key, "head", fresh);
    return new Journal(folder, key, fresh, undefined);
  }

  /** Id of the operation that this push is. */
  get operation(): string {
    return this.#operation;
  }

  get pushKey(): Buffer {
    return this.#pushKey;
  }

  /** Packs stored by an interrupted attempt. */
  get packs(): AsyncIterable<PackRecord> {
    return this.#packs.read();
  }

  /** The version that the interrupted attempt was about to make. */
  get attempt(): Attempt | undefined {
    return this.#attempt;
  }

  /** Goes on with what is stored, as an operation of its own. */
  async beginAnew(): Promise<void> {
    this.#operation = newOperationId();
    this.#attempt = undefined;
    await rm(join(this.#folder, "attempt"), { force: true });
    await this.#writeHead();
  }

  /** Stores everything anew, under another push key. */
  async forgetStored(): Promise<void> {
    await this.#packs.remove();
    this.#pushKey = randomBytes(32);
    await this.#writeHead();
  }

  async #writeHead(): Promise<void> {
    const head = { operation: this.#operation, pushKey: this.#pushKey.toString("hex") };
    await writeEntry(this.#folder, this.#key, "head", head);
  }

  /** Whether this process stored the pack, a moment ago. */
  isNew(packId: string): boolean {
    return this.#new.has(packId);
  }

  async stored(pack: PackRecord): Promise<void> {
    this.#new.add(pack.id);
    await this.#packs.add(pack);
  }

  async attempting(attempt: Attempt): Promise<void> {
    await writeEntry(this.#folder, this.#key, "attempt", attempt);
  }

  /** Lets the next push of the same go on from here. */
  async release(): Promise<void> {
    await this.#packs.close();
    await releaseLock(`${this.#folder}.lock`);
  }

  /** The push is finished, or will never be. */
  async close(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await this.release();
  }
}

/** A version record about to be created. */
interface Attempt {
  readonly number: number;
  readonly versionId: string;
  readonly dirHash: string;
}

interface Head {
  readonly operation: string;
  readonly pushKey: string;
}

async function writeEntry(folder: string, key: Buffer, name: string, value: object): Promise<void> {
  await writeLocal(join(folder, name), sealBlob(key, { journal: name }, Buffer.from(JSON.stringify(value))));
}

async function readEntry<T>(folder: string, key: Buffer, name: string): Promise<T | undefined> {
  try {
    const sealed = await readLocal(join(folder, name), ENTRY_BYTES_MAX);
    return sealed && (JSON.parse(openBlob(key, { journal: name }, sealed, "push journal").toString("utf8")) as T);
  } catch (error) {
    if (error instanceof CloisterError) return undefined;
    throw error;
  }
}
