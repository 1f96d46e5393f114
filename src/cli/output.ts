// Results on standard output: one JSON document, or text for a person, or plain lines for a pipe.
import { Chalk, type ChalkInstance } from "chalk";
import { printable, printableJson } from "../base/terminal.ts";
import type { Call } from "./call.ts";
import type { Io } from "./io.ts";
import { wrap } from "./wrap.ts";

/** A cell of a table: text as other people wrote it, and how to paint it. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

/** A label and what stands beside it; rows without a value are left out. */
export type Row = readonly [string, Cell | undefined];

/** Prints a result once: as JSON where that was asked for, else as `show` writes it. */
export function print(call: Call, thing: string, data: object, show: (page: Page) => void): void {
  const { io } = call.context;
  if (call.json) io.out(`${printableJson({ schema: `cloister/${thing}@1`, ...data })}\n`);
  else show(new Page(io, call.quiet));
}

const OWN_LINE_INDENT = 4;

/** Text for people and pipes. Everything that is printed passes {@link printable}. */
export class Page {
  readonly paint: ChalkInstance;
  readonly tty: boolean;
  readonly quiet: boolean;
  /** Where lines are broken: nowhere in a pipe. */
  readonly columns: number;
  readonly #io: Io;

  constructor(io: Io, quiet: boolean) {
    this.#io = io;
    this.tty = io.outIsTty;
    this.quiet = quiet;
    this.columns = io.outIsTty ? io.columns : Number.POSITIVE_INFINITY;
    this.paint = new Chalk({ level: io.outColor ? 1 : 0 });
  }

  /** `✓ pushed …`. */
  done(text: string): void {
    this.#hang(`${this.paint.green("✓")} `, 2, text);
  }

  /** `✗ …`, where the answer itself is a no. */
  refused(text: string): void {
    this.#hang(`${this.paint.red("✗")} `, 2, text);
  }

  /** A line that was made printable, painted and broken already. */
  drawn(text: string): void {
    this.#io.out(`${text}\n`);
  }

  /** A mark of ours, a label and what stands beside it. */
  marked(mark: string, label: string, text: string): void {
    const lead = `${printable(label)}   `;
    this.#hang(`  ${mark} ${lead}`, lead.length + 4, text);
  }

  /** A paragraph. Its indentation is kept. */
  line(text: string, paint: (text: string) => string = plain): void {
    const safe = printable(text);
    const words = safe.trimStart();
    const indent = safe.length - words.length;
    for (const line of wrap(words, this.columns - indent)) this.drawn(paint(`${" ".repeat(indent)}${line}`));
  }

  /** A heading on a terminal; nothing in a pipe. */
  heading(text: string): void {
    if (this.tty) this.drawn(`\n${this.paint.bold(printable(text))}`);
  }

  /** Sentences, indented; `label<TAB>sentence` in a pipe. */
  list(label: string, sentences: readonly string[]): void {
    for (const sentence of sentences) {
      if (this.tty) this.#hang("  ", 4, sentence);
      else this.drawn(`${label}\t${printable(sentence)}`);
    }
  }

  /** A whole file: byte for byte in a pipe, made harmless on a terminal. */
  text(text: string): void {
    this.#io.out(this.tty ? text.split("\n").map(printable).join("\n") : text);
  }

  /** `  label   value`, aligned; `label<TAB>value` in a pipe. */
  fields(rows: readonly Row[]): void {
    const kept = rows.filter((row): row is readonly [string, Cell] => row[1] !== undefined);
    const width = Math.max(0, ...kept.map(([label]) => label.length));
    for (const [label, cell] of kept) {
      if (!this.tty) this.drawn(`${label}\t${printable(textOf(cell))}`);
      else this.#hang(`  ${this.paint.dim(label.padEnd(width))}   `, width + 5, textOf(cell), painterOf(cell));
    }
  }

  /**
   * Columns, aligned under their headings; without headings and separated by tabs in a pipe. On a terminal that is too
   * narrow the columns headed `spare` are left out, in this order, and then the last one goes on below itself.
   */
  table(headings: readonly string[], rows: readonly (readonly Cell[])[], spare: readonly string[] = []): void {
    if (!this.tty) {
      const lines = rows.map((row) => row.map((cell) => printable(textOf(cell))).join("\t"));
      // In one piece: a version may have a million files.
      if (lines.length > 0) this.drawn(lines.join("\n"));
      return;
    }
    if (rows.length === 0) return;
    const [dropped, ...others] = spare;
    const at = dropped === undefined ? -1 : headings.indexOf(dropped);
    if (at >= 0 && total(widthsOf(headings, rows)) > this.columns) {
      const without = <T>(items: readonly T[]): readonly T[] => items.filter((_, index) => index !== at);
      this.table(without(headings), rows.map(without), others);
      return;
    }
    this.#drawTable(headings, rows);
  }

  #drawTable(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
    const widths = widthsOf(headings, rows).slice(0, -1);
    const indent = total([...widths, 0]);
    for (const row of [headings.map((text) => ({ text, paint: this.paint.dim })), ...rows]) {
      const cells = row.map((cell, at) => {
        const text = printable(textOf(cell));
        const lines = at < widths.length ? [text.padEnd(widths[at] ?? 0)] : fewLines(text, this.columns - indent);
        return lines.map(painterOf(cell)).join(`\n${" ".repeat(indent)}`);
      });
      this.drawn(cells.join("  ").trimEnd());
    }
  }

  /** What to do next: for people only. */
  hints(title: string, commands: readonly string[]): void {
    if (this.quiet || !this.tty) return;
    this.heading(title);
    // Never broken: each is one line to copy.
    for (const command of commands) this.drawn(`  ${this.paint.cyan(printable(command))}`);
  }

  /** A SHA-256 with its name: short on a terminal, whole in a pipe. */
  digest(hex: string): string {
    const bare = hex.replace(/^sha256:/, "");
    return `sha256:${this.tty ? `${bare.slice(0, 12)}…` : bare}`;
  }

  /** A whole SHA-256 as a row; on a terminal so that it fits into 80 columns. */
  digestRow(hex: string): Row {
    const bare = hex.replace(/^sha256:/, "");
    return this.tty ? ["sha256", bare] : ["digest", `sha256:${bare}`];
  }

  /** Text behind a prefix `indent` columns wide. What is too long goes on below its first word. */
  #hang(prefix: string, indent: number, text: string, paint: (text: string) => string = plain): void {
    const room = this.columns - indent;
    const lines = wrap(printable(text), room);
    const longest = Math.max(...lines.map((line) => line.length));
    // A fingerprint that only fits without what stands before it gets a line of its own.
    const own = longest > room && longest <= this.columns - OWN_LINE_INDENT;
    const margin = `\n${" ".repeat(own ? OWN_LINE_INDENT : indent)}`;
    this.drawn((own ? prefix.trimEnd() + margin : prefix) + lines.map(paint).join(margin));
  }
}

/** Something to know besides the result: on standard error, so that a pipe stays clean. */
export function warn(call: Call, text: string): void {
  const { io } = call.context;
  const paint = new Chalk({ level: io.errColor ? 1 : 0 });
  const columns = io.errIsTty ? io.columns : Number.POSITIVE_INFINITY;
  io.err(`${paint.yellow("!")} ${wrap(printable(text), columns - 2).join("\n  ")}\n`);
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function painterOf(cell: Cell): (text: string) => string {
  // Of its own: a painter of chalk takes all it is given, a number too.
  return typeof cell === "string" ? plain : (text) => cell.paint(text);
}

/** Columns that each column of a table needs. */
function widthsOf(headings: readonly string[], rows: readonly (readonly Cell[])[]): readonly number[] {
  return headings.map((heading, at) =>
    rows.reduce((width, row) => Math.max(width, printable(textOf(row[at] ?? "")).length), heading.length),
  );
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width + 2, -2);
}

/** Lines a cell may take: other people wrote what is in it. */
const CELL_LINES_MAX = 3;

function fewLines(text: string, columns: number): readonly string[] {
  const lines = wrap(text, columns);
  const last = lines.slice(CELL_LINES_MAX - 1).join(" ");
  const kept = lines.length < CELL_LINES_MAX ? lines : [...lines.slice(0, CELL_LINES_MAX - 1), last];
  return kept.map((line) => (line.length <= columns ? line : `${line.slice(0, Math.max(1, columns - 1))}…`));
}

function plain(text: string): string {
  return text;
}
