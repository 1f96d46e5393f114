// Takes a map of the policy file apart: unknown keys refused, values checked, every complaint with its place.
import { NAME } from "../base/name.ts";
import { nearest } from "./near.ts";
import type { Place, Problems } from "./problem.ts";
import { withArticle } from "./words.ts";
import { type Entry, quote, type Tree } from "./yaml-tree.ts";

/** A value and where it stands. */
export interface Spot<T> extends Place {
  readonly value: T;
}

/** Longest free text (names, refusals). */
const TEXT_MAX = 300;
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

/** One map: which keys it knows, and which of the design's it does not support yet. */
export class Section {
  readonly place: Place;
  readonly #entries: ReadonlyMap<string, Entry>;
  readonly #what: string;
  readonly #problems: Problems;

  /**
   * @param what names the map in messages, e.g. `member ana`
   * @param known every key it may have
   * @param later keys of a later version of the format: refused by name, never ignored
   */
  constructor(
    tree: Tree | undefined,
    what: string,
    known: readonly string[],
    later: readonly string[],
    problems: Problems,
  ) {
    this.#what = what;
    this.#problems = problems;
    this.place = tree?.place ?? { line: 1, column: 1 };
    const entries = tree ? entriesOf(tree, what, problems) : [];
    this.#entries = new Map(entries.map((entry) => [entry.key, entry]));
    for (const entry of entries) {
      if (known.includes(entry.key)) continue;
      if (later.includes(entry.key)) {
        problems.error(entry.place, `${quote(entry.key)} is not yet supported`, "remove it: it would not be enforced");
      } else {
        problems.error(
          entry.place,
          `unknown key ${quote(entry.key)} in ${what}`,
          problems.full ? undefined : didYouMean(entry.key, known),
        );
      }
    }
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Where the key stands, or the section itself. */
  placeOf(key: string): Place {
    return this.#entries.get(key)?.place ?? this.place;
  }

  /** Where the value of a key stands, or the section itself. */
  placeOfValue(key: string): Place {
    return this.#entries.get(key)?.value.place ?? this.place;
  }

  /** The value of a key, or undefined where it is left out. */
  optional(key: string): Tree | undefined {
    return this.#entries.get(key)?.value;
  }

  /** The value of a key that must be there. */
  required(key: string): Tree | undefined {
    const value = this.optional(key);
    if (!value) this.#problems.error(this.place, `${this.#what} has no ${key}`, `add ${key}: …`);
    return value;
  }

  /** Whole number from `min` on; `min` where it is wrong, so that reading can go on. */
  integer(key: string, min: number): number {
    const tree = this.required(key);
    if (!tree) return min;
    const value = scalar(tree);
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= min) return value;
    this.#problems.error(tree.place, `${key} must be a whole number from ${String(min)} on`);
    return min;
  }

  text(key: string): string {
    const tree = this.required(key);
    return tree ? textOf(tree, key, this.#problems) : "";
  }

  /** Text with a given form; `example` shows it. */
  formed(key: string, pattern: RegExp, example: string): string {
    const tree = this.required(key);
    if (!tree) return "";
    const value = scalar(tree);
    if (typeof value === "string" && pattern.test(value)) return value;
    const hint = typeof value === "number" ? `put it in quotes: ${key}: "…"` : undefined;
    this.#problems.error(tree.place, `${key} must look like ${example}`, hint);
    return "";
  }

  /** A quantity with its unit; undefined where it is left out or wrong. `example` shows it. */
  measured(key: string, parse: (text: string) => number | undefined, example: string): number | undefined {
    const tree = this.optional(key);
    if (!tree) return undefined;
    const value = scalar(tree);
    const number = typeof value === "string" ? parse(value) : undefined;
    if (number === undefined || number === 0) this.#problems.error(tree.place, `${key} must look like ${example}`);
    return number;
  }

  boolean(key: string): boolean {
    const tree = this.optional(key);
    if (!tree) return false;
    const value = scalar(tree);
    if (typeof value !== "boolean") this.#problems.error(tree.place, `${key} must be true or false`);
    return value === true;
  }
}

/** The entries of a map; none, and an error, where it is no map. */
export function entriesOf(tree: Tree, what: string, problems: Problems): readonly Entry[] {
  if (tree.kind === "map") return tree.entries;
  problems.error(tree.place, `${what} must be a map of keys and values`);
  return [];
}

/** Entries whose keys are names, as people, roles and rules have. */
export function namedEntries(tree: Tree | undefined, what: string, problems: Problems): readonly Entry[] {
  if (!tree) return [];
  return entriesOf(tree, `${what}s`, problems).filter((entry) => checkId(entry.key, entry.place, what, problems));
}

/** A list of texts. Entries given twice are an error; what is no text is left out. */
export function textList(tree: Tree | undefined, what: string, problems: Problems): readonly Spot<string>[] {
  if (!tree) return [];
  if (tree.kind !== "list") {
    problems.error(tree.place, `${what} must be a list`, "write it as [a, b]");
    return [];
  }
  const spots: Spot<string>[] = [];
  const seen = new Set<string>();
  for (const item of tree.items) {
    const value = textOf(item, `an entry of ${what}`, problems);
    if (seen.has(value)) problems.error(item.place, `${quote(value)} is in ${what} twice`);
    else if (value !== "") spots.push({ value, ...item.place });
    seen.add(value);
  }
  return spots;
}

/** Whether text may be an id; complains where not. */
export function checkId(id: string, place: Place, what: string, problems: Problems): boolean {
  if (NAME.test(id)) return true;
  problems.error(
    place,
    `${quote(id)} cannot be ${withArticle(what)}`,
    "use 1 to 128 of a-z 0-9 . _ -, first a letter or digit",
  );
  return false;
}

/** Keeps the texts that are known; the others are errors with a suggestion. */
export function references<T extends string>(
  spots: readonly Spot<string>[],
  what: string,
  known: readonly T[],
  problems: Problems,
): readonly Spot<T>[] {
  return spots.filter((spot): spot is Spot<T> => {
    if ((known as readonly string[]).includes(spot.value)) return true;
    problems.error(
      spot,
      `unknown ${what} ${quote(spot.value)}`,
      problems.full ? undefined : didYouMean(spot.value, known),
    );
    return false;
  });
}

/** A single text that must be known; its value even where it is not, so that reading can go on. */
export function reference(tree: Tree | undefined, what: string, known: readonly string[], problems: Problems): string {
  if (!tree) return "";
  const value = textOf(tree, what, problems);
  if (value !== "") references([{ value, ...tree.place }], what, known, problems);
  return value;
}

/** Printable text of a scalar, trimmed; empty, and an error, where it is none. */
export function textOf(tree: Tree, what: string, problems: Problems): string {
  const value = scalar(tree);
  const text = typeof value === "string" ? value.trim() : "";
  if (text !== "" && text.length <= TEXT_MAX && !UNPRINTABLE.test(text)) return text;
  if (typeof value === "number" || typeof value === "boolean") {
    problems.error(tree.place, `${what} must be text`, `put it in quotes: "${String(value)}"`);
  } else if (text.length > TEXT_MAX) {
    problems.error(tree.place, `${what} is longer than ${String(TEXT_MAX)} characters`);
  } else if (text !== "") {
    problems.error(tree.place, `${what} has control or invisible characters`);
  } else problems.error(tree.place, `${what} must be text`);
  return "";
}

/** The value of a scalar; undefined for a list or a map. */
export function scalar(tree: Tree): string | number | boolean | null | undefined {
  return tree.kind === "scalar" ? tree.value : undefined;
}

function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `did you mean ${near}?`;
  return known.length === 0 || known.length > 30 ? "check the spelling" : `known: ${known.join(", ")}`;
}
