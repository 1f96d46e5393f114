// What this device verified of the log, so that the next command reads on from there, and notices a log rolled back.
import { appendFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TakenCommit } from "../audit/taken.ts";
import { fileFailure, readLocal } from "./local-file.ts";

const MEMORY_BYTES_MAX = 512 * 1024 * 1024;

/** One line of JSON per commit, appended. Lines are trusted: the folder is its owner's alone. */
export class LogMemory {
  readonly #path: string;
  #unsaved: TakenCommit[] = [];

  constructor(state: string, project: string, pin: string) {
    this.#path = join(state, "log", `${project}-${pin.slice(0, 16)}.jsonl`);
  }

  /** Commits remembered, as far as they follow one another. */
  async load(): Promise<TakenCommit[]> {
    const text = (await readLocal(this.#path, MEMORY_BYTES_MAX))?.toString("utf8");
    const commits: TakenCommit[] = [];
    for (const line of text?.split("\n") ?? []) {
      const commit = line === "" ? undefined : parseLine(line);
      if (!commit) continue;
      const last = commits.at(-1);
      // Two commands at once may both have appended what they saw, and a torn line leaves a gap that a later line fills.
      if (last && commit.seq <= last.seq) continue;
      if (commit.size !== (last?.size ?? 0) + commit.events.length) continue;
      commits.push(commit);
    }
    return commits;
  }

  remember(commit: TakenCommit): void {
    this.#unsaved.push(commit);
  }

  async save(): Promise<void> {
    if (this.#unsaved.length === 0) return;
    const lines = this.#unsaved.map((commit) => `${JSON.stringify(commit)}\n`).join("");
    try {
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      // A line torn by a crash must not swallow the next one: begin on a new line.
      await appendFile(this.#path, `\n${lines}`, { mode: 0o600 });
    } catch (error) {
      throw fileFailure("write", this.#path, error);
    }
    this.#unsaved = [];
  }
}

function parseLine(line: string): TakenCommit | undefined {
  try {
    const commit = JSON.parse(line) as TakenCommit;
    const whole = Number.isSafeInteger(commit.seq) && Array.isArray(commit.events) && Array.isArray(commit.edge);
    return whole && Number.isSafeInteger(commit.size) && typeof commit.digest === "string" ? commit : undefined;
  } catch {
    return undefined;
  }
}
