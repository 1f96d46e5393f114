// Which files of a version are meant: by their paths, or by patterns.
import { CloisterError } from "../../base/errors.ts";
import { globTest, type PathTest } from "../../base/glob.ts";
import { shellWord } from "../../base/shell-word.ts";
import { printable } from "../../base/terminal.ts";
import type { TreeFile } from "../../content/tree.ts";
import { nearest } from "../../policy/near.ts";
import type { LeftOut, Selection } from "../types.ts";

/** Part of a version's files, in the order of the tree. */
export interface Chosen {
  readonly entries: readonly TreeFile[];
  /** Without the empty folders among them. */
  readonly files: number;
  readonly bytes: number;
  readonly leftOut: LeftOut;
  /** The file that was named by the only path that was given. */
  readonly single: TreeFile | undefined;
}

/**
 * The files that any of the paths or of the patterns of `include` means, without those that `exclude` means. A path means
 * a file, or all that lies in a folder.
 *
 * @param reference how the version is called, for messages
 * @throws CloisterError NOT_FOUND where a path or a pattern means nothing, or nothing is left; USAGE for a bad pattern
 */
export function choose(all: readonly TreeFile[], selection: Selection, reference: string): Chosen {
  const paths = (selection.paths ?? []).map(plainPath);
  const wanted = [...paths.map(pathTest), ...(selection.include ?? []).map(globTest)];
  const unwanted = (selection.exclude ?? []).map(globTest);
  const met = wanted.map(() => false);
  const entries = all.filter(({ path }) => {
    // All of them are asked: each must mean something.
    for (const [at, test] of wanted.entries()) if (test(path)) met[at] = true;
    return (wanted.length === 0 || wanted.some((test) => test(path))) && !unwanted.some((test) => test(path));
  });
  const unmet = met.indexOf(false);
  if (unmet >= 0)
    throw notThere(all, [...paths, ...(selection.include ?? [])][unmet] ?? "", unmet < paths.length, reference);
  const { files, bytes } = sizeOf(entries);
  const whole = sizeOf(all);
  if (files === 0) throw nothingLeft(whole.files, reference);
  const [only] = paths;
  const isSingle = paths.length === 1 && wanted.length === 1 && entries.length === 1 && entries[0]?.path === only;
  return {
    ...{ entries, files, bytes, leftOut: { files: whole.files - files, bytes: whole.bytes - bytes } },
    single: isSingle ? entries[0] : undefined,
  };
}

/** Whether anything was selected: nothing means all. */
export function isSelection({ paths = [], include = [], exclude = [] }: Selection): boolean {
  return paths.length + include.length + exclude.length > 0;
}

/**
 * What a quota counts, and the clear part of the log says: the bytes of the files, rounded up as packs are (Padmé, at most
 * 12 % more), because the size of a single file is nobody's to read there.
 */
export function countedBytes({ bytes }: Chosen): number {
  if (bytes < 2) return bytes;
  const exponent = Math.floor(Math.log2(bytes));
  const step = 2 ** (exponent - Math.floor(Math.log2(Math.max(1, exponent))) - 1);
  return step < 1 ? bytes : Math.ceil(bytes / step) * step;
}

/** As it would be typed again, for the sealed part of the log. */
export function selectionText({ paths = [], include = [], exclude = [] }: Selection): string {
  const flags = (flag: string, patterns: readonly string[]) => patterns.map((each) => `${flag} ${shellWord(each)}`);
  return [...paths.map(shellWord), ...flags("--include", include), ...flags("--exclude", exclude)].join(" ");
}

function sizeOf(entries: readonly TreeFile[]): { files: number; bytes: number } {
  const sum = { files: 0, bytes: 0 };
  for (const { kind, bytes } of entries) {
    if (kind === "directory") continue;
    sum.files++;
    sum.bytes += bytes;
  }
  return sum;
}

/** `./a//b/` is `a/b`. */
function plainPath(path: string): string {
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length > 0) return names.join("/");
  throw new CloisterError("USAGE", `${JSON.stringify(path)} is no path in an artifact`, {
    next: "leave it out to have all files",
  });
}

function pathTest(wanted: string): PathTest {
  const below = `${wanted}/`;
  return (path) => path === wanted || path.startsWith(below);
}

const NEAR_MAX = 3;

function notThere(all: readonly TreeFile[], given: string, isPath: boolean, reference: string): CloisterError {
  const near = isPath ? nearPaths(all, given) : [];
  const pattern = isPath && /[*?[{]/.test(given);
  const next = near.length > 0 ? `did you mean ${near.join(", ")}?` : `cloister artifact list ${shellWord(reference)}`;
  const what = isPath ? `${reference} has no ${printable(given)}` : `nothing in ${reference} fits ${printable(given)}`;
  return new CloisterError("NOT_FOUND", what, {
    why: pattern ? "a path is taken as it stands; patterns go with --include" : undefined,
    next: pattern ? `--include ${shellWord(given)}` : next,
  });
}

/** Files and folders of the same name elsewhere, else what is a few typing mistakes away. */
function nearPaths(all: readonly TreeFile[], given: string): readonly string[] {
  const name = given.slice(given.lastIndexOf("/") + 1);
  const known = new Set<string>();
  for (const { path } of all) {
    for (let end = path.indexOf("/"); end >= 0; end = path.indexOf("/", end + 1)) known.add(path.slice(0, end));
    known.add(path);
  }
  const elsewhere: string[] = [];
  for (const path of known) {
    if (elsewhere.length < NEAR_MAX && (path.endsWith(`/${name}`) || path.toLowerCase() === given.toLowerCase())) {
      elsewhere.push(path);
    }
  }
  const near = elsewhere.length > 0 ? undefined : nearest(given, [...known].slice(0, COMPARED_MAX));
  return near === undefined ? elsewhere : [near];
}

/** Each comparison takes some microseconds. */
const COMPARED_MAX = 20_000;

function nothingLeft(files: number, reference: string): CloisterError {
  return new CloisterError("NOT_FOUND", `no file of ${reference} is selected`, {
    why: files === 0 ? "it has none" : "--exclude leaves nothing",
    next: `cloister artifact list ${shellWord(reference)}`,
  });
}
