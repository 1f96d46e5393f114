// The audit log: a Merkle log in the store without a server. Commits are create-only objects named by their sequence;
// one that does not verify counts as empty, for every reader alike, so nobody can block the log with junk.
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { sha256Hex } from "../base/digest.ts";
import { CloisterError, integrity, isIntegrity } from "../base/errors.ts";
import { type Envelope, verifyEnvelope } from "../keys/dsse.ts";
import type { Identity } from "../keys/identity.ts";
import type { Store } from "../store/store.ts";
import { COMMIT_BYTES_MAX, type Commit, commitName } from "./commit.ts";
import { createSurely } from "./create-surely.ts";
import type { AuditEvent } from "./event.ts";
import { CompactTree } from "./merkle.ts";
import { ReadAhead } from "./read-ahead.ts";
import { type ReadCommit, readCommit } from "./read-commit.ts";
import type { Checked, LoggedEvent, TakenCommit } from "./taken.ts";
import { writeCommit } from "./write-commit.ts";

/** What stands at a point of the log: whose keys count, and which events. Membership and policy live outside this room. */
export interface Admission {
  /** The unsuspended member behind a key id, if it may write here; `event` is the one it signed, or its commit's first. */
  keyOf(keyId: string, event: AuditEvent): Promise<{ readonly signs: string; readonly member: string } | undefined>;
  /** Takes the event in and returns how to take it back; undefined where it does not count. */
  admit(logged: LoggedEvent): Promise<(() => void) | undefined>;
  /** Takes in an event that this reader admitted before. */
  restore(logged: LoggedEvent): void;
}

/** An entry may be dated this much ahead of its commit (clocks differ), not more (provenance.md). */
const AHEAD_MS_MAX = 5 * 60_000;
/** Objects in a row that no member signed, before a reader stops looking for the next commit. */
const JUNK_MAX = 1000;
/** Lost races before giving up; each loss means that somebody else's entry went in. */
const ATTEMPTS_MAX = 400;

/** Stands for the commit before the first. */
const NO_COMMIT = "0".repeat(64);

/** Reads, checks and appends to the log of one project. */
export class Log {
  readonly #store: Store;
  readonly #project: string;
  readonly #admission: Admission;
  readonly #taken: (commit: TakenCommit) => void;
  #tree = CompactTree.empty;
  #next = 0;
  #timeMs = 0;
  /** The store's clock, as late as it was needed. */
  #clockMs = 0;
  #tip: { readonly seq: number; readonly digest: string } | undefined;
  #cold = true;

  /** @param taken is told of every commit that counts, so that it can be remembered */
  constructor(store: Store, project: string, admission: Admission, taken: (commit: TakenCommit) => void) {
    this.#store = store;
    this.#project = project;
    this.#admission = admission;
    this.#taken = taken;
  }

  /** Entries that count so far. */
  get size(): number {
    return this.#tree.size;
  }

  /** Commits looked at so far, junk included. */
  get commits(): number {
    return this.#next;
  }

  /** Hex root of the tree over all entries. */
  get root(): string {
    return this.#tree.root();
  }

  /** The last commit that counts. */
  get tip(): { readonly seq: number; readonly digest: string } | undefined {
    return this.#tip;
  }

  /** Goes on from what this reader verified earlier. Returns false (and takes nothing more) at the first misfit. */
  restore(commits: Iterable<TakenCommit>): boolean {
    for (const commit of commits) {
      const tree = CompactTree.from(commit.size, commit.edge);
      const fits = commit.seq >= this.#next && commit.size === this.#tree.size + commit.events.length;
      if (!tree || !fits) return false;
      for (const logged of commit.events) this.#admission.restore(logged);
      this.#advance(commit, tree);
      this.#cold = false;
    }
    return true;
  }

  /**
   * Reads on to the end of the log.
   * @throws CloisterError INTEGRITY where what was seen before is gone or changed, or a commit is missing
   */
  async sync(): Promise<void> {
    if (this.#tip && !this.#cold) await this.#checkTip(this.#tip);
    await this.#readOn();
    if (this.#cold) await this.checkNothingBeyond();
    this.#cold = false;
  }

  /**
   * Adds one event; `make` is asked again whenever somebody else was first, and may throw to give up.
   * @throws CloisterError UNAVAILABLE where the store fails or contention does not end
   */
  async append(identity: Identity, make: () => Promise<AuditEvent> | AuditEvent): Promise<LoggedEvent> {
    return (await this.appendAll(identity, async () => [await make()]))[0] as LoggedEvent;
  }

  /** {@link append} for events that must go in together, as the first two of a project do. */
  async appendAll(
    identity: Identity,
    make: () => Promise<readonly AuditEvent[]> | readonly AuditEvent[],
  ): Promise<readonly LoggedEvent[]> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      await this.sync();
      const bytes = await this.#build(identity, await make());
      await this.#requireCounts(bytes);
      if ((await this.#create(bytes)) === "mine") {
        return (await this.#take(bytes))?.events ?? [];
      }
      await sleep(randomInt(1, 5 + Math.min(200, attempt * 5)));
    }
    throw new CloisterError("UNAVAILABLE", "too many others are writing to the log", { next: "try again" });
  }

  async #readOn(): Promise<void> {
    const ahead = new ReadAhead((seq) => this.#read(seq));
    let junk = 0;
    for (;;) {
      const bytes = await ahead.take(this.#next);
      if (!bytes) return;
      const counts = (await this.#take(bytes)) !== undefined;
      ahead.counted(counts);
      junk = counts ? 0 : junk + 1;
      if (junk > JUNK_MAX)
        throw integrity("the log is buried in junk", { why: "somebody fills or replaces log/commit in the store" });
    }
  }

  /** Refuses a log in which a commit of a known member stands after the end: something in between was removed. */
  async checkNothingBeyond(): Promise<void> {
    for await (const object of this.#store.list("log/commit/")) {
      const seq = Number(object.name.slice("log/commit/".length));
      if (!Number.isSafeInteger(seq) || seq < this.#next || commitName(seq) !== object.name) continue;
      const bytes = await this.#read(seq);
      const commit = bytes && readCommit(bytes, seq, this.#project);
      const signer = commit && (await this.#signer(commit));
      // Somebody may have written on since: then the first absent one is there by now.
      if (signer && !(await this.#read(this.#next))) {
        throw integrity(`log commit ${String(this.#next)} is missing`, {
          why: `commit ${String(seq)}, signed by ${signer}, stands after it`,
        });
      }
    }
  }

  get #previous(): string {
    return this.#tip?.digest ?? NO_COMMIT;
  }

  /** What is read for the first time cannot be dated ahead: time would stand still for everybody after it. */
  async #requirePast({ seq, timeMs, events }: Checked): Promise<void> {
    this.#clockMs = Math.max(this.#clockMs, timeMs > this.#clockMs ? await this.#store.now() : 0);
    if (timeMs <= this.#clockMs + AHEAD_MS_MAX) return;
    throw integrity(`log commit ${String(seq)} is dated ahead of the store's clock`, {
      why: `${events[0]?.member ?? "a member"} committed it`,
    });
  }

  async #checkTip(tip: { readonly seq: number; readonly digest: string }): Promise<void> {
    const bytes = await this.#read(tip.seq);
    if (bytes && sha256Hex(bytes) === tip.digest) return;
    throw integrity(`log commit ${String(tip.seq)} ${bytes ? "was changed" : "is gone"}`, {
      why: "this device saw and verified it earlier; the store was rolled back or altered",
    });
  }

  /** The object of a commit. What is no regular object, or too large, reads as empty: junk, like any other. */
  async #read(seq: number): Promise<Uint8Array | undefined> {
    try {
      return await this.#store.get(commitName(seq), COMMIT_BYTES_MAX);
    } catch (error) {
      if (isIntegrity(error)) return new Uint8Array();
      throw error;
    }
  }

  /** Looks at the commit at the next place; undefined where it does not count. */
  async #take(bytes: Uint8Array): Promise<TakenCommit | undefined> {
    const seq = this.#next;
    const read = readCommit(bytes, seq, this.#project);
    const checked = read && (await this.#check(read));
    if (!checked) {
      this.#next = seq + 1;
      return undefined;
    }
    await this.#requirePast(checked).catch((error: unknown) => {
      checked.takeBack();
      throw error;
    });
    const commit = { ...checked, digest: sha256Hex(bytes) };
    this.#advance(commit, checked.tree);
    const { tree: _tree, takeBack: _takeBack, ...taken } = commit;
    this.#taken(taken);
    return taken;
  }

  /** What would not count is not written: it would only be junk. @throws CloisterError FAILURE */
  async #requireCounts(bytes: Uint8Array): Promise<void> {
    const read = readCommit(bytes, this.#next, this.#project);
    const checked = read && (await this.#check(read));
    if (checked) return checked.takeBack();
    throw new CloisterError("FAILURE", "the log does not accept this entry", {
      why: "the policy or your membership changed a moment ago, or another entry says the same already",
      next: "cloister status, then try again",
    });
  }

  #advance(commit: { seq: number; timeMs: number; digest: string }, tree: CompactTree): void {
    this.#tree = tree;
    this.#next = commit.seq + 1;
    this.#timeMs = commit.timeMs;
    this.#tip = { seq: commit.seq, digest: commit.digest };
  }

  async #signer({ envelope, entries }: ReadCommit): Promise<string | undefined> {
    const first = entries[0];
    return first && (await this.#signerOf(envelope, first.event))?.member;
  }

  async #signerOf(envelope: Envelope, event: AuditEvent): Promise<{ keyId: string; member: string } | undefined> {
    const keyId = envelope.signatures[0]?.keyid;
    if (!keyId || envelope.signatures.length !== 1) return undefined;
    const key = await this.#admission.keyOf(keyId, event);
    return key && verifyEnvelope(envelope, key.signs) ? { keyId, member: key.member } : undefined;
  }

  /** Everything that makes a commit count; events it took in are taken back where it turns out not to. */
  async #check(read: ReadCommit): Promise<Checked | undefined> {
    const { commit, entries } = read;
    const signer = await this.#signer(read);
    if (signer === undefined) return undefined;
    if (commit.size !== this.#tree.size || commit.previous !== this.#previous) {
      // An honest member follows what is there: a commit before it was damaged, replaced, or held back from them.
      throw integrity(`log entry ${String(this.#tree.size)} is damaged or missing`, {
        why: `commit ${String(commit.seq)}, signed by ${signer}, follows ${String(commit.size)} entries that are not those found here`,
      });
    }
    if (commit.timeMs < this.#timeMs) return undefined;
    const undo: (() => void)[] = [];
    const takeBack = () => {
      for (const step of undo.reverse()) step();
    };
    const events: LoggedEvent[] = [];
    let tree = this.#tree;
    for (const { envelope, event, leaf } of entries) {
      const logged = await this.#admit(commit, tree.size, envelope, event, undo);
      if (!logged) break;
      events.push(logged);
      tree = tree.append(leaf);
    }
    if (events.length === entries.length && tree.root() === commit.root) {
      return { seq: commit.seq, timeMs: commit.timeMs, size: tree.size, edge: tree.edge, events, tree, takeBack };
    }
    takeBack();
    return undefined;
  }

  async #admit(
    commit: Commit,
    entry: number,
    envelope: Envelope,
    event: AuditEvent,
    undo: (() => void)[],
  ): Promise<LoggedEvent | undefined> {
    if (event.project !== this.#project || event.timeMs > commit.timeMs + AHEAD_MS_MAX) return undefined;
    const signer = await this.#signerOf(envelope, event);
    if (!signer) return undefined;
    const logged = { entry, seq: commit.seq, timeMs: commit.timeMs, ...signer, event };
    const step = await this.#admission.admit(logged);
    if (!step) return undefined;
    undo.push(step);
    return logged;
  }

  #create(bytes: Uint8Array): Promise<"mine" | "theirs"> {
    return createSurely(this.#store, commitName(this.#next), bytes, () => this.#read(this.#next));
  }

  async #build(identity: Identity, events: readonly AuditEvent[]): Promise<Uint8Array> {
    const timeMs = Math.max(this.#timeMs, Math.floor(await this.#store.now()));
    const place = { project: this.#project, seq: this.#next, timeMs, previous: this.#previous };
    return writeCommit(identity, events, this.#tree, place);
  }
}
