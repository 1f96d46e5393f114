// Strict YAML: the part of YAML 1.2 that cannot surprise. What is left is a tree of maps, lists and scalars with places.
import {
  Composer,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  Parser,
} from "yaml";
import { printable } from "../base/terminal.ts";
import type { Place, Problems } from "./problem.ts";

/** Larger policies are refused before they are parsed. */
const BYTES_MAX = 1_000_000;
/** Open collections in the parser; the deepest legal policy needs about ten. */
const DEPTH_MAX = 40;

/** Words and signs of the file: some 5000 members. A megabyte of brackets alone would be read for many seconds. */
const LEXEMES_MAX = 100_000;

export type Tree =
  | { readonly kind: "map"; readonly place: Place; readonly entries: readonly Entry[] }
  | { readonly kind: "list"; readonly place: Place; readonly items: readonly Tree[] }
  | { readonly kind: "scalar"; readonly place: Place; readonly value: string | number | boolean | null };

/** A key of a map, with its value. */
export interface Entry {
  readonly key: string;
  readonly place: Place;
  readonly value: Tree;
}

/** The document as a tree, or undefined with the reason among the problems. */
export function parseTree(bytes: Uint8Array, problems: Problems): Tree | undefined {
  const start = { line: 1, column: 1 };
  if (bytes.length > BYTES_MAX) {
    problems.error(start, `the file is larger than ${String(BYTES_MAX)} bytes`);
    return undefined;
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    problems.error(start, "the file is not UTF-8");
    return undefined;
  }
  const lines = new LineCounter();
  const root = compose(text, lines, problems);
  if (!root || problems.failed) return undefined;
  const tree = new TreeBuilder(lines, problems).build(root);
  return problems.failed ? undefined : tree;
}

function compose(text: string, lines: LineCounter, problems: Problems): ParsedNode | undefined {
  const place = (offset: number): Place => placeAt(lines, offset);
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  // Keys are compared by TreeBuilder: the package compares each with each, which a large map turns into hours.
  const composer = new Composer({ version: "1.2", schema: "core", strict: true, uniqueKeys: false, merge: false });
  const tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    const tooDeep = parser.stack.length > DEPTH_MAX;
    if (tooDeep || ++lexemes > LEXEMES_MAX) {
      problems.error(place(parser.offset), tooDeep ? "the file is nested too deeply" : "the file has too many parts");
      return undefined;
    }
  }
  tokens.push(...parser.end());
  for (const token of tokens) {
    if (token.type === "directive") problems.error(place(token.offset), "YAML directives are not allowed");
  }
  if (problems.failed) return undefined;
  const documents = [...composer.compose(tokens, true, text.length)];
  const [document, second] = documents;
  for (const error of documents.flatMap((each) => [...each.errors, ...each.warnings])) {
    problems.error(place(error.pos[0]), `not valid YAML: ${printable(error.message)}`);
  }
  if (second) problems.error(place(second.range[0]), "only one YAML document is allowed");
  if (!document?.contents && !problems.failed) problems.error({ line: 1, column: 1 }, "the file is empty");
  return document?.contents ?? undefined;
}

function placeAt(lines: LineCounter, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

/** Turns the package's nodes into a tree and refuses aliases, anchors, tags, merge keys and unusable keys. */
class TreeBuilder {
  readonly #lines: LineCounter;
  readonly #problems: Problems;

  constructor(lines: LineCounter, problems: Problems) {
    this.#lines = lines;
    this.#problems = problems;
  }

  build(node: Node | null | undefined): Tree {
    const place = this.#place(node);
    if (isAlias(node)) {
      this.#problems.error(place, "YAML aliases are not allowed", "write the value out");
      return { kind: "scalar", place, value: null };
    }
    if (node?.anchor !== undefined) this.#problems.error(place, "YAML anchors are not allowed");
    if (node?.tag !== undefined) this.#problems.error(place, "YAML tags are not allowed");
    if (isSeq(node)) return { kind: "list", place, items: node.items.map((item) => this.build(item as Node | null)) };
    if (isMap(node)) return { kind: "map", place, entries: this.#entries(node.items) };
    return { kind: "scalar", place, value: isScalar(node) ? plainValue(node.value) : null };
  }

  #entries(pairs: readonly { readonly key: unknown; readonly value: unknown }[]): Entry[] {
    const seen = new Set<string>();
    const entries: Entry[] = [];
    for (const pair of pairs) {
      const keyNode = pair.key as Node | null;
      const place = this.#place(keyNode);
      const key = this.#key(keyNode, place);
      const value = this.build(pair.value as Node | null);
      if (key === undefined) continue;
      if (seen.has(key)) this.#problems.error(place, `duplicate key ${quote(key)}`, "remove one of the two");
      seen.add(key);
      // A value that is left out stands nowhere: its key is the place to show.
      const shown = pair.value === null ? { ...value, place } : value;
      entries.push({ key, place, value: shown });
    }
    return entries;
  }

  #key(node: Node | null, place: Place): string | undefined {
    const tree = this.build(node);
    if (tree.kind !== "scalar" || typeof tree.value !== "string") {
      this.#problems.error(place, "a key must be text", "put it in quotes");
      return undefined;
    }
    const key = tree.value;
    if (key === "<<") this.#problems.error(place, "YAML merge keys are not allowed", "write the keys out");
    else if (key === "__proto__") this.#problems.error(place, "the key __proto__ is not allowed");
    else if (!ASCII.test(key)) {
      this.#problems.error(place, `the key ${quote(key)} has characters outside ASCII (${foreign(key)})`, "retype it");
    } else return key;
    return undefined;
  }

  #place(node: Node | null | undefined): Place {
    return placeAt(this.#lines, node?.range?.[0] ?? 0);
  }
}

/** Letters of other alphabets can look exactly like ours; every key a policy may have is printable ASCII. */
const ASCII = /^[\x20-\x7e]*$/;

function foreign(key: string): string {
  const codes = [...key].filter((char) => !ASCII.test(char)).map((char) => (char.codePointAt(0) ?? 0).toString(16));
  return [...new Set(codes)]
    .slice(0, 4)
    .map((code) => `U+${code.toUpperCase().padStart(4, "0")}`)
    .join(" ");
}

function plainValue(value: unknown): string | number | boolean | null {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;
}

/** Text of the file, safe to print, shortened. */
export function quote(text: string): string {
  return JSON.stringify(printable(text.length > 80 ? `${text.slice(0, 80)}…` : text));
}
