// Patterns for paths, as shells and .gitignore write them. Their own matcher and not regular expressions: it takes time in
// proportion to the pattern and the path, whatever the pattern is.
import { CloisterError } from "./errors.ts";

/** Whether a relative path with `/` separators is meant. */
export type PathTest = (path: string) => boolean;

const PATTERN_CHARS_MAX = 1024;
/** What `{a,b}` may come to: `{a,b}{a,b}{a,b}…` doubles with every pair. */
const ALTERNATIVES_MAX = 256;

/**
 * `*` stands for any characters within a name, `?` for one, `[a-z]` and `[!a-z]` for one of a set, `{a,b}` for either,
 * and `**` for any number of folders; `\` takes a character literally. A pattern without `/` is looked for in every
 * folder, any other stands for paths from the top (`/*.csv`: at the top only). What is meant of a folder is meant of all
 * below it. Upper and lower case differ, and names that begin with a dot are names like any other.
 *
 * @throws CloisterError USAGE for a pattern that is empty, or too long, or whose braces come to too many
 */
export function globTest(pattern: string): PathTest {
  if (pattern.length > PATTERN_CHARS_MAX) throw unusable(pattern, "it is too long");
  const alternatives = expandBraces(pattern)
    .map(parse)
    .filter((names) => names.length > 0);
  if (alternatives.length === 0) throw unusable(pattern, "it is empty");
  return (path) => {
    const names = path.split("/").map((name) => Array.from(name));
    return alternatives.some((wanted) => matchesTop(wanted, names));
  };
}

function unusable(pattern: string, why: string): CloisterError {
  const shown = pattern.length > 80 ? `${pattern.slice(0, 80)}…` : pattern;
  return new CloisterError("USAGE", `${JSON.stringify(shown)} is no pattern`, {
    why,
    next: "write it like '*.json', 'data/**' or 'part-[0-9]*.{csv,parquet}'",
  });
}

/** One character, as a set of ranges of code points, or any number of any. */
type Piece = "*" | { readonly not: boolean; readonly ranges: readonly (readonly [string, string])[] };
type Name = "**" | readonly Piece[];

const ANY: Piece = { not: true, ranges: [] };

function parse(text: string): readonly Name[] {
  const anchored = /\/./.test(text);
  const names = text.split("/").filter((name) => name !== "" && name !== ".");
  const parsed = names.map((name): Name => (name === "**" ? "**" : parseName(Array.from(name))));
  // What lies in a folder, and not a file of the folder's name.
  if (parsed.at(-1) === "**") parsed.push(["*"]);
  return anchored || parsed.length === 0 ? parsed : ["**", ...parsed];
}

function parseName(chars: readonly string[]): readonly Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] ?? "";
    const set = char === "[" ? parseSet(chars, at) : undefined;
    if (char === "*") {
      if (pieces.at(-1) !== "*") pieces.push("*");
    } else if (char === "?") pieces.push(ANY);
    else if (set) {
      pieces.push(set.piece);
      at = set.end;
    } else {
      const escaped = char === "\\" && at + 1 < chars.length;
      if (escaped) at++;
      const literal = chars[at] ?? "";
      pieces.push({ not: false, ranges: [[literal, literal]] });
    }
  }
  return pieces;
}

/** `[…]` from its bracket on; undefined where none closes it, and the bracket is a bracket. */
function parseSet(chars: readonly string[], from: number): { piece: Piece; end: number } | undefined {
  const not = chars[from + 1] === "!" || chars[from + 1] === "^";
  const start = from + (not ? 2 : 1);
  // A bracket that comes first is one of the set.
  const end = chars.indexOf("]", start + 1);
  if (end < 0) return undefined;
  const ranges: [string, string][] = [];
  for (let at = start; at < end; at++) {
    const first = chars[at] ?? "";
    const isRange = chars[at + 1] === "-" && at + 2 < end;
    ranges.push([first, isRange ? (chars[at + 2] ?? first) : first]);
    if (isRange) at += 2;
  }
  return { piece: { not, ranges }, end };
}

/** Whether the pattern is the path's, or that of a folder it lies in. */
function matchesTop(wanted: readonly Name[], names: readonly (readonly string[])[]): boolean {
  return wild(wanted, names, (one) => one === "**", matchesName, true);
}

function matchesName(wanted: Name, name: readonly string[]): boolean {
  return wanted !== "**" && wild(wanted, name, (one) => one === "*", matchesChar, false);
}

function matchesChar(piece: Piece, char: string): boolean {
  if (piece === "*") return false;
  const point = char.codePointAt(0) ?? 0;
  const inside = piece.ranges.some(
    ([first, last]) => point >= (first.codePointAt(0) ?? 0) && point <= (last.codePointAt(0) ?? 0),
  );
  return inside !== piece.not;
}

/**
 * A sequence against a pattern in which some elements stand for any number of anything. Only the last of these ever has
 * to be tried again, one longer: whatever an earlier one could take besides, the last can take, too.
 *
 * @param prefix whether it is enough that the pattern matches a beginning of the sequence
 */
function wild<P, T>(
  pattern: readonly P[],
  items: readonly T[],
  isMany: (one: P) => boolean,
  matches: (one: P, item: T) => boolean,
  prefix: boolean,
): boolean {
  let [p, i] = [0, 0];
  let [lastMany, resumeAt] = [-1, 0];
  for (;;) {
    const one = pattern[p];
    if (one === undefined && (prefix || i === items.length)) return true;
    if (one !== undefined && isMany(one)) {
      [lastMany, resumeAt] = [p, i];
      p++;
    } else if (one !== undefined && i < items.length && matches(one, items[i] as T)) {
      p++;
      i++;
    } else if (lastMany >= 0 && resumeAt < items.length) {
      resumeAt++;
      [p, i] = [lastMany + 1, resumeAt];
    } else return false;
  }
}

/** `{a,b}` as bash expands it: `x{a,b{c,d}}` is `xa`, `xbc` and `xbd`; braces without a comma are braces. */
function expandBraces(pattern: string): readonly string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let text = open.pop(); text !== undefined; text = open.pop()) {
    const group = firstGroup(text);
    if (!group) done.push(text);
    else for (const part of group.parts) open.push(text.slice(0, group.start) + part + text.slice(group.end));
    if (done.length + open.length > ALTERNATIVES_MAX) throw unusable(pattern, "its braces come to too many patterns");
  }
  return done;
}

/** The first `{…}` with a comma of its own: where it stands, and what it offers. */
function firstGroup(text: string): { start: number; end: number; parts: readonly string[] } | undefined {
  const groups: { readonly start: number; readonly commas: number[] }[] = [];
  let found: { start: number; end: number; parts: readonly string[] } | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === "\\") at++;
    else if (char === "{") groups.push({ start: at, commas: [] });
    else if (char === ",") groups.at(-1)?.commas.push(at);
    else if (char === "}") {
      const group = groups.pop();
      if (!group || group.commas.length === 0) continue;
      // An outer group ends later than those in it, and starts before them.
      if (!found || group.start < found.start) {
        const cuts = [group.start, ...group.commas, at];
        const parts = cuts.slice(1).map((cut, part) => text.slice((cuts[part] ?? 0) + 1, cut));
        found = { start: group.start, end: at + 1, parts };
      }
    }
  }
  return found;
}
