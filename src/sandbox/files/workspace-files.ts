// The part of a driver that is the same for all of them: what it does with a workspace's files, it does by scripts in
// sandboxes of one folder. A driver only starts those.
import type { FileEntry } from "../../base/file-entry.ts";
import type { HolderState, Sandbox, WorkspaceFile } from "../sandbox.ts";
import type { StartFolderTask } from "./folder-task.ts";
import type { Listing, ListingOf } from "./listing.ts";

type FileMethods = "fill" | "collect" | "list" | "digest" | "lookUp" | "remove";

export abstract class WorkspaceFiles implements Pick<Sandbox, FileMethods> {
  /** @throws {@link CloisterError} NOT_FOUND where the workspace is over */
  protected abstract tasks(state: HolderState): StartFolderTask;

  async fill(
    state: HolderState,
    target: { readonly input: string } | "workspace",
    files: AsyncIterable<FileEntry>,
  ): Promise<void> {
    const { fill } = await import("./fill.ts");
    await fill(this.tasks(state), state, target, files);
  }

  async *collect(state: HolderState, path: string): AsyncGenerator<FileEntry> {
    const { collect } = await import("./collect.ts");
    yield* collect(this.tasks(state), path);
  }

  async list(state: HolderState, of: ListingOf): Promise<Listing> {
    const { list } = await import("./list.ts");
    return await list(this.tasks(state), of);
  }

  async digest(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { digest } = await import("./lookup.ts");
    return await digest(this.tasks(state), paths);
  }

  async lookUp(state: HolderState, paths: readonly string[]): Promise<ReadonlyMap<string, WorkspaceFile>> {
    const { lookUp } = await import("./lookup.ts");
    return await lookUp(this.tasks(state), paths);
  }

  async remove(state: HolderState, paths: readonly string[]): Promise<void> {
    const { remove } = await import("./lookup.ts");
    await remove(this.tasks(state), paths);
  }
}
