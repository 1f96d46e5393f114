// What this device verified of the log, so that the next command reads on from there, and notices a log rolled back.
import { closeSync, constants, fstatSync, openSync, promises, readSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TakenCommit } from "../audit/taken.ts";
import type { ProjectConfig } from "./config.ts";
import { fileFailure, readLocal } from "./local-file.ts";
import { changesPolicy } from "./policy-event.ts";

const MEMORY_BYTES_MAX = 512 * 1024 * 1024;

/** One line of JSON per commit, appended. Lines are trusted: the folder is its owner's alone. */
export class LogMemory {
  readonly #path: string;
  #unsaved: TakenCommit[] = [];

  constructor(state: string, project: string, pin: string) {
    this.#path = memoryFile(state, { project, pin });
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
      await promises.mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
      // A line torn by a crash must not swallow the next one: begin on a new line.
      await promises.appendFile(this.#path, `\n${lines}`, { mode: 0o600 });
    } catch (error) {
      throw fileFailure("write", this.#path, error);
    }
    this.#unsaved = [];
  }
}

function memoryFile(state: string, { project, pin }: MemoryOwner): string {
  return join(state, "log", `${project}-${pin.slice(0, 16)}.jsonl`);
}

type MemoryOwner = Pick<ProjectConfig, "project" | "pin">;

/** Where the memory of a project ends now, in bytes: a mark for {@link policyChangedSince}. */
export async function memoryMark(state: string, owner: MemoryOwner): Promise<number> {
  return (await promises.stat(memoryFile(state, owner)).catch(() => undefined))?.size ?? 0;
}

/**
 * Whether this device has verified a change of policy since a mark. Reads what was appended, not the log: for answers
 * that must not wait for a store. True where it cannot be told.
 */
export async function policyChangedSince(state: string, owner: MemoryOwner, mark: number): Promise<boolean> {
  const appended = readFrom(memoryFile(state, owner), mark);
  const lines = appended?.split("\n").filter((line) => line !== "");
  const commits = lines?.map(parseLine);
  return commits?.every((commit) => commit && !commit.events.some(({ event }) => changesPolicy(event))) !== true;
}

/**
 * Text from a position to the end; undefined where there is no such position, or too much behind it. At once, as small
 * files are read: a kept credential waits for it.
 */
function readFrom(path: string, position: number): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const bytes = fstatSync(file).size - position;
    if (bytes < 0 || bytes > APPENDED_BYTES_MAX) return undefined;
    const buffer = Buffer.alloc(bytes);
    return readSync(file, buffer, 0, bytes, position) === bytes ? buffer.toString("utf8") : undefined;
  } finally {
    closeSync(file);
  }
}

/** More than an hour's work: reading the log again is no slower then. */
const APPENDED_BYTES_MAX = 4 * 1024 * 1024;

function parseLine(line: string): TakenCommit | undefined {
  try {
    const commit = JSON.parse(line) as TakenCommit;
    const whole = Number.isSafeInteger(commit.seq) && Array.isArray(commit.events) && Array.isArray(commit.edge);
    return whole && Number.isSafeInteger(commit.size) && typeof commit.digest === "string" ? commit : undefined;
  } catch {
    return undefined;
  }
}
