// Which runs a push names. Times are seconds; W is a file that a run wrote, with its content for a digest.
import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { madeBy, type PlacedFile, type RecordedRun } from "../../src/provenance/made-by.ts";
import type { RunDetails, RunReads } from "../../src/provenance/run-details.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const at = (second: number) => new Date(1_800_000_000_000 + second * 1000).toISOString();

interface Given {
  readonly wrote?: Readonly<Record<string, string>>;
  readonly deleted?: readonly string[];
  readonly elsewhere?: number;
  readonly more?: number;
  readonly known?: boolean;
  readonly read?: readonly string[];
  readonly readElsewhere?: number;
  readonly cut?: boolean;
}

function run(id: string, from: number, to: number | undefined, given: Given = {}): RecordedRun {
  const { wrote = {}, deleted = [], elsewhere = 0, more = 0, known = true } = given;
  const files = Object.entries(wrote).map(([path, text]) => ({ path, bytes: text.length, sha256: sha256(text) }));
  const reads: RunReads | undefined = given.read && {
    ...{ inputs: {}, workspace: given.read, workspaceCount: given.read.length + (given.cut ? 1 : 0) },
    ...{ elsewhere: given.readElsewhere ?? 0, undeclared: [], undeclaredCount: 0 },
  };
  const outputs = { files, count: files.length + more, deleted, deletedCount: deleted.length, elsewhere, known };
  const details: RunDetails = { outputs, reads };
  const begun = { id, argv: [id], cwd: "/workspace", seeds: {}, startedOn: at(from) };
  return to === undefined ? begun : { ...begun, finishedOn: at(to), exitCode: 0, details };
}

function pushed(files: Readonly<Record<string, string>>): readonly PlacedFile[] {
  return Object.entries(files).map(([path, text]) => ({ path, sha256: sha256(text), places: [path] }));
}

function named(runs: readonly RecordedRun[], files: Readonly<Record<string, string>>) {
  const made = madeBy(runs, pushed(files));
  return { parts: Object.fromEntries(made.runs.map(({ id, part }) => [id, part])), ...made.origins };
}

const ACCOUNTED = { brought: [], broughtCount: 0, changedSince: [], changedSinceCount: 0, unfinished: [] };

test("the run that last wrote a file, not those before it nor those that only looked", () => {
  const runs = [
    run("first", 1, 2, { wrote: { "out/m": "1" } }),
    run("look", 3, 4),
    run("second", 5, 6, { wrote: { "out/m": "2" }, read: [] }),
    run("look-again", 7, 8),
  ];
  expect(named(runs, { "out/m": "2" })).toEqual({ ...ACCOUNTED, parts: { second: "wrote" } });
});

test("without a trace, what still stood when it began could have been read, and so on back", () => {
  const runs = [
    run("prepare", 1, 2, { wrote: { table: "t" } }),
    run("features", 3, 4, { wrote: { features: "f" } }),
    run("other", 5, 6, { wrote: { gone: "g" } }),
    run("clean", 7, 8, { deleted: ["gone"] }),
    run("train", 9, 10, { wrote: { model: "m" } }),
    run("later", 11, 12, { wrote: { report: "r" } }),
  ];
  expect(named(runs, { model: "m" }).parts).toEqual({
    ...{ prepare: "could-have-been-read", features: "could-have-been-read", train: "wrote" },
  });
});

test("with a trace, only what was read", () => {
  const runs = [
    run("prepare", 1, 2, { wrote: { table: "t" }, read: ["raw"] }),
    run("noise", 3, 4, { wrote: { noise: "n" } }),
    run("train", 5, 6, { wrote: { model: "m" }, read: ["table", "train.py"] }),
  ];
  expect(named(runs, { model: "m" }).parts).toEqual({ prepare: "read", train: "wrote" });
  const cut = runs.map((one) =>
    one.id === "train" ? run("train", 5, 6, { wrote: { model: "m" }, read: ["x"], cut: true }) : one,
  );
  expect(named(cut, { model: "m" }).parts).toMatchObject({ noise: "could-have-been-read" });
});

test("what was read is what it was then: an overwritten table is of the run that wrote it over", () => {
  const runs = [
    run("old", 1, 2, { wrote: { table: "1" }, read: [] }),
    run("new", 3, 4, { wrote: { table: "2" }, read: [] }),
    run("train", 5, 6, { wrote: { model: "m" }, read: ["table"] }),
    run("newest", 7, 8, { wrote: { table: "3" }, read: [] }),
  ];
  expect(named(runs, { model: "m" }).parts).toEqual({ new: "read", train: "wrote" });
});

test("runs at the same time may have written each other's files, and read them", () => {
  const runs = [
    run("a", 1, 10, { wrote: { x: "x", log: "2" }, read: [] }),
    run("b", 2, 9, { wrote: { y: "y", log: "1" }, read: [] }),
    run("c", 3, 11, { wrote: { z: "z" }, read: ["y"] }),
  ];
  expect(named(runs, { log: "2" }).parts).toEqual({ a: "wrote", b: "wrote" });
  expect(named(runs, { z: "z" }).parts).toEqual({ b: "read", c: "wrote" });
  const untraced = [run("a", 1, 10, { wrote: { x: "x" } }), run("b", 2, 9, { wrote: { y: "y" } })];
  expect(named(untraced, { y: "y" }).parts).toEqual({ a: "could-have-been-read", b: "wrote" });
});

test("files that no run wrote, and files that are another now, are said to be so", () => {
  const runs = [run("train", 1, 2, { wrote: { model: "m" }, read: [] })];
  expect(named(runs, { model: "edited", "train.py": "code" })).toEqual({
    ...ACCOUNTED,
    ...{
      parts: { train: "wrote" },
      brought: ["train.py"],
      broughtCount: 1,
      changedSince: ["model"],
      changedSinceCount: 1,
    },
  });
  expect(named([], { a: "a" })).toMatchObject({ parts: {}, brought: ["a"] });
});

test("a run that has not ended is named as that", () => {
  const open = run("open", 3, undefined);
  expect(named([run("train", 1, 2, { wrote: { model: "m" } }), open], { model: "m" })).toMatchObject({
    parts: { train: "wrote" },
    unfinished: [{ id: "open", argv: ["open"], startedOn: at(3) }],
  });
});

test("where a run wrote more than is listed, it may have written anything since", () => {
  const cut = run("cut", 3, 4, { wrote: { listed: "l" }, more: 5 });
  const train = run("train", 1, 2, { wrote: { model: "m" }, read: [] });
  expect(named([train, cut], { model: "m" }).parts).toEqual({ train: "wrote", cut: "wrote" });
  expect(named([train, cut], { unlisted: "u" })).toEqual({
    ...ACCOUNTED,
    parts: { train: "could-have-been-read", cut: "wrote" },
  });
  const unknown = run("unknown", 3, 4, { known: false });
  expect(named([unknown], { any: "a" })).toEqual({ ...ACCOUNTED, parts: { unknown: "wrote" } });
  // One of an earlier release, of which nothing but the command is known.
  expect(named([{ ...unknown, details: undefined }], { any: "a" }).parts).toEqual({ unknown: "wrote" });
  expect(named([cut, run("train", 5, 6, { wrote: { model: "m" }, read: [] })], { model: "m" }).parts).toEqual({
    ...{ cut: "could-have-been-read", train: "wrote" },
  });
});

test("what is left in the home folder could have been read by every later run that opened something beside /workspace", () => {
  const install = run("install", 1, 2, { elsewhere: 40 });
  expect(named([install, run("train", 3, 4, { wrote: { m: "m" } })], { m: "m" }).parts).toEqual({
    ...{ install: "could-have-been-read", train: "wrote" },
  });
  const blind = run("train", 3, 4, { wrote: { m: "m" }, read: [] });
  expect(named([install, blind], { m: "m" }).parts).toEqual({ train: "wrote" });
  const looking = run("train", 3, 4, { wrote: { m: "m" }, read: [], readElsewhere: 1 });
  expect(named([install, looking], { m: "m" }).parts).toMatchObject({ install: "could-have-been-read" });
});

test("the log of a run's own output makes it no source, but pushing the log names it", () => {
  const log = ".cloister/run-0123abcd.log";
  const runs = [run("ls", 1, 2, { wrote: { [log]: "listing" } }), run("train", 3, 4, { wrote: { m: "m" } })];
  expect(named(runs, { m: "m" }).parts).toEqual({ train: "wrote" });
  expect(named(runs, { [log]: "listing" }).parts).toEqual({ ls: "wrote" });
});

test("a day of runs that each rewrite a thousand files is judged in little time", () => {
  const wrote = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`f${String(n)}`, "x"]));
  const runs = Array.from({ length: 300 }, (_, n) => run(`r${String(n)}`, n * 2, n * 2 + 1, { wrote }));
  const before = process.cpuUsage();
  expect(Object.keys(named(runs, wrote).parts)).toHaveLength(300);
  expect(process.cpuUsage(before).user).toBeLessThan(4_000_000);
});
