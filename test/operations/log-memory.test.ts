// What a device remembers of the log while many commands run: nothing is lost or torn, and contradictions are found.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LoggedEvent, TakenCommit } from "../../src/audit/taken.ts";
import { list } from "../../src/operations/artifact/list.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { LogMemory } from "../../src/operations/log-memory.ts";
import { copyOf, hostIn, makeProject, randomFiles, scratch, sessionOf } from "./project.ts";

const PROJECT = "0".repeat(32);

/** A commit as large as thirty parked entries, so that a long log is more than one piece of any write. */
function commit(seq: number, digest = String(seq).padStart(64, "0")): TakenCommit {
  const events = [{ entry: seq, event: { sealed: "x".repeat(20_000) } } as unknown as LoggedEvent];
  return { seq, digest, timeMs: seq, size: seq + 1, edge: [], events };
}

function memoryIn(folder: string): LogMemory {
  return new LogMemory(folder, PROJECT, "f".repeat(64));
}

async function loaded(folder: string): Promise<readonly number[]> {
  return (await memoryIn(folder).load()).map(({ seq }) => seq);
}

const upTo = (count: number) => Array.from({ length: count }, (_, seq) => seq);

test("two commands that read a long log for the first time do not tear each other's lines", async () => {
  const folder = scratch();
  const memories = Array.from({ length: 4 }, () => memoryIn(folder));
  for (const memory of memories) for (const seq of upTo(200)) memory.remember(commit(seq));
  await Promise.all(memories.map((memory) => memory.save()));
  expect(await loaded(folder)).toEqual(upTo(200));
  const [file = ""] = readdirSync(join(folder, "log"));
  const lines = readFileSync(join(folder, "log", file), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  expect(() => lines.map((line) => JSON.parse(line) as unknown)).not.toThrow();
});

test("what is verified while it is being saved is saved, too", async () => {
  const folder = scratch();
  const memory = memoryIn(folder);
  memory.remember(commit(0));
  const saving = memory.save();
  memory.remember(commit(1));
  await saving;
  await memory.save();
  expect(await loaded(folder)).toEqual([0, 1]);
});

/** A memory of four commits whose second line was torn by a crash. */
async function tornMemory(): Promise<string> {
  const folder = scratch();
  const memory = memoryIn(folder);
  for (const seq of upTo(4)) memory.remember(commit(seq));
  await memory.save();
  const path = join(folder, "log", readdirSync(join(folder, "log"))[0] ?? "");
  const lines = readFileSync(path, "utf8").trim().split("\n");
  writeFileSync(path, [lines[0], lines[1]?.slice(0, 30), lines[2], lines[3], ""].join("\n"));
  return folder;
}

test("what stands behind a torn line still counts: the log must reach it, and be the same there", async () => {
  const same = memoryIn(await tornMemory());
  expect((await same.load()).map(({ seq }) => seq)).toEqual([0]);
  for (const seq of [1, 2, 3]) same.remember(commit(seq));
  same.check(4);

  const shorter = memoryIn(await tornMemory());
  await shorter.load();
  shorter.remember(commit(1));
  expect(() => shorter.check(2)).toThrow(/commit 2 is gone/);

  const other = memoryIn(await tornMemory());
  await other.load();
  other.remember(commit(1));
  expect(() => other.remember(commit(2, "e".repeat(64)))).toThrow(/two different logs/);
});

test("two commands at once that were shown different logs stop every later one", async () => {
  const folder = scratch();
  const [one, two] = [memoryIn(folder), memoryIn(folder)];
  one.remember(commit(0));
  two.remember(commit(0));
  one.remember(commit(1));
  two.remember(commit(1, "e".repeat(64)));
  await Promise.all([one.save(), two.save()]);
  await expect(memoryIn(folder).load()).rejects.toMatchObject({ code: "INTEGRITY" });
});

test("eight pushes at once on one device: the memory holds the whole log, and a copy rolled back is refused", async () => {
  const folder = scratch();
  const host = await makeProject(folder);
  randomFiles(host.cwd);
  await Promise.all(
    upTo(8).map(async (n) =>
      push(await sessionOf(host), { source: { path: "data" }, name: `a${String(n)}`, class: "internal" }),
    ),
  );
  const session = await sessionOf(host);
  const remembered = session.log.commits;
  await session.sync();
  expect(session.log.commits).toBe(remembered);
  expect((await list(session, {})).versions).toHaveLength(8);
  const copy = hostIn(copyOf(folder), "ana");
  const commits = join(copy.cwd, "../store/log/commit");
  const newest = readdirSync(commits).sort().at(-1) ?? "";
  rmSync(join(commits, newest));
  await expect((await sessionOf(copy)).sync()).rejects.toMatchObject({ code: "INTEGRITY" });
});
