// An object of a folder store on its way: a temporary file that grows, and is then linked to its name.
import { type FileHandle, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { linkOnce, syncFolder, writeAll } from "./folder-files.ts";
import type { ObjectDraft } from "./store.ts";

export interface FolderDraftOptions {
  readonly temporary: string;
  readonly handle: FileHandle;
  /** Where an object of this name belongs, in a folder that is there. */
  target(name: string): Promise<string>;
  /** Does something, and throws what its failing means for a person. */
  doing<T>(what: string, act: () => Promise<T>): Promise<T>;
}

export class FolderDraft implements ObjectDraft {
  readonly #options: FolderDraftOptions;
  #ended = false;

  constructor(options: FolderDraftOptions) {
    this.#options = options;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const { handle, doing } = this.#options;
    await doing("write", () => writeAll(handle, [bytes]));
  }

  async finish(name: string): Promise<"created" | "exists"> {
    const { handle, temporary, target, doing } = this.#options;
    return await doing(`write ${name}`, async () => {
      try {
        const path = await target(name);
        await handle.sync();
        const made = await linkOnce(temporary, path);
        // Also where it exists, as for `create`.
        await syncFolder(dirname(path));
        await this.#end();
        return made;
      } catch (error) {
        // Where the store is gone, so is the temporary file: that would say less.
        await this.discard();
        throw error;
      }
    });
  }

  async discard(): Promise<void> {
    await this.#end().catch(() => undefined);
  }

  async #end(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    const { handle, temporary } = this.#options;
    await handle.close().finally(() => unlink(temporary));
  }
}
