// Files of a version out of the store and into a private folder, each at its place at once and in whatever order their chunks
// lie in packs. Whoever publishes the folder may do so when this has returned: every digest was right then.
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { integrity } from "../../base/errors.ts";
import { checkAborted } from "../abort.ts";
import { damagedFile, type StoredContent } from "../read.ts";
import type { StagedFiles } from "../staged-files.ts";
import { NO_STREAM } from "../tree.ts";
import { Engine } from "./engine.ts";
import { FileDigests } from "./file-digests.ts";
import { type BadChunk, type PullResult, WRITTEN } from "./job.ts";
import type { PullJournal } from "./journal.ts";
import { Layout } from "./layout.ts";
import { inPackOrder, type PlannedBatch } from "./plan.ts";
import { type BatchTargets, Targets } from "./targets.ts";

/** SHA-256 of what the batches that a journal names depend on. */
export function planDigest(content: StoredContent, id: string): Buffer {
  const hash = createHash("sha256").update(`${id}\n`);
  for (const { path, kind, bytes, sha256 } of content.tree.files) {
    hash.update(`${kind} ${String(bytes)} ${sha256} ${path}\n`);
  }
  return hash.digest();
}

/**
 * Fetches, opens and writes the content of all files, and checks the SHA-256 of each.
 *
 * What the journal says was written before is not fetched again. It is not believed either: its files are digested like all
 * others, and one that then turns out wrong is fetched once more before it counts as damaged.
 *
 * @param staged where the files go; their paths were checked
 * @throws CloisterError INTEGRITY naming the file; FAILURE; INTERRUPTED; what the store throws
 */
export async function stageContent(
  content: StoredContent,
  staged: StagedFiles,
  journal: PullJournal | undefined,
): Promise<void> {
  for (const file of content.tree.files) {
    if (file.stream === NO_STREAM) await staged.write({ ...file, read: () => nothing() });
  }
  const report = progressOf(content);
  const wrong = await new Pass(content, staged, journal, report).run();
  if (wrong.size === 0) return;
  for (const path of wrong) rmSync(join(staged.root, path), { force: true });
  const again = content.only((file) => wrong.has(file.path));
  await new Pass(again, staged, undefined, report).run();
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

const PROGRESS_BYTES = 1024 * 1024;

function progressOf({ options }: StoredContent): (bytes: number) => void {
  let [bytes, reported] = [0, 0];
  return (more) => {
    bytes += more;
    if (bytes - reported < PROGRESS_BYTES) return;
    reported = bytes;
    options.progress({ bytes });
  };
}

/** All of it, once. */
class Pass {
  readonly #content: StoredContent;
  readonly #staged: StagedFiles;
  readonly #journal: PullJournal | undefined;
  readonly #report: (bytes: number) => void;
  readonly #layout: Layout;
  readonly #targets: Targets;
  readonly #engine: Engine;
  readonly #digests: FileDigests;
  /** Files that hold something that was written before. */
  readonly #resumed = new Set<number>();
  readonly #wrong = new Set<string>();
  /** Of the batches that are under way. */
  readonly #running = new Map<number, BatchTargets>();

  constructor(
    content: StoredContent,
    staged: StagedFiles,
    journal: PullJournal | undefined,
    report: (bytes: number) => void,
  ) {
    this.#content = content;
    this.#staged = staged;
    this.#journal = journal;
    this.#report = report;
    const { tree, place, options } = content;
    this.#layout = new Layout(tree);
    this.#targets = new Targets(this.#layout);
    const bytes = this.#layout.files.reduce((sum, file) => sum + file.bytes, 0);
    const { signal } = options;
    const { blocks } = this.#layout;
    this.#engine = new Engine({ tree, blocks, place, signal, bytes, root: staged.root });
    this.#digests = new FileDigests(this.#layout, this.#engine, (file, good) => this.#digested(file, good));
  }

  /** Paths of files that were written before and are not what they should be. */
  async run(): Promise<ReadonlySet<string>> {
    try {
      await this.#engine.ready();
      const { tree, blocks, rows } = this.#layout;
      await this.#credit(inPackOrder(tree, blocks, rows));
      await this.#engine.runAll(
        this.#left(inPackOrder(tree, blocks, rows)),
        (batch, chunks) => {
          const { files, targets } = this.#begin(batch);
          return { kind: "write", chunks, files, targets };
        },
        (batch, result) => this.#done(batch, result),
      );
      await this.#digests.end();
      return this.#wrong;
    } finally {
      await this.#engine.close();
    }
  }

  /** What was written before counts as written, in part: it is still to be digested. */
  async #credit(batches: Iterable<PlannedBatch>): Promise<void> {
    if (!this.#journal?.done.size) return;
    for (const batch of batches) {
      if (!this.#journal.done.has(batch.number)) continue;
      checkAborted(this.#content.options.signal);
      const targets = this.#targets.of(this.#targets.ordered(batch));
      for (const number of targets.numbers) this.#resumed.add(number);
      await this.#written(targets, undefined);
    }
  }

  *#left(batches: Iterable<PlannedBatch>): Generator<PlannedBatch> {
    for (const batch of batches) {
      if (!this.#journal?.done.has(batch.number)) yield this.#targets.ordered(batch);
    }
  }

  #begin(batch: PlannedBatch): BatchTargets {
    const targets = this.#targets.of(batch);
    for (const { path } of targets.files) this.#staged.makeFolderOf(path);
    this.#running.set(batch.number, targets);
    return targets;
  }

  async #done(batch: PlannedBatch, result: Promise<PullResult>): Promise<void> {
    const { bad, verdicts } = await result;
    const [first] = bad ?? [];
    if (first) throw this.#damaged(batch, first);
    const targets = this.#running.get(batch.number);
    this.#running.delete(batch.number);
    if (!targets) return;
    await this.#written(targets, verdicts);
    this.#journal?.add(batch.number, batch.bytes);
  }

  async #written({ numbers, targets }: BatchTargets, verdicts: Uint8Array | undefined): Promise<void> {
    for (let i = 0; i < targets.length; i += 4) {
      const [file = 0, to = 0, , length = 0] = targets.subarray(i, i + 4);
      this.#report(length);
      const verdict = verdicts?.[file] ?? WRITTEN.part;
      const number = numbers[file] ?? 0;
      if (verdicts) this.#staged.grew(this.#layout.files[number]?.path ?? "", length);
      if (verdict === WRITTEN.part) await this.#digests.written(number, to, length);
      else this.#digested(number, verdict === WRITTEN.whole);
    }
  }

  #digested(number: number, good: boolean): void {
    const path = this.#layout.files[number]?.path ?? "";
    if (good) this.#staged.written(path);
    else if (this.#resumed.has(number)) this.#wrong.add(path);
    else throw this.#named(integrity("its digest is not the one in the tree"), path);
  }

  /** The file that a bad chunk belongs to is named. */
  #damaged(batch: PlannedBatch, { chunk, why }: BadChunk): unknown {
    const { files } = this.#targets.of({ ...batch, rows: [batch.rows[chunk] ?? 0] });
    return this.#named(integrity("a chunk in the store is damaged", { why }), files[0]?.path ?? "");
  }

  #named(error: unknown, path: string): unknown {
    return damagedFile(error, path, this.#content.options.artifact);
  }
}
