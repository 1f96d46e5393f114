// Results on standard output: one JSON document, or text for a person, or plain lines for a pipe.
import { Chalk, type ChalkInstance } from "chalk";
import { printable } from "../base/terminal.ts";
import type { Call } from "./call.ts";
import type { Io } from "./io.ts";

/** A cell of a table: text as other people wrote it, and how to paint it. */
export type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

/** A label and what stands beside it; rows without a value are left out. */
export type Row = readonly [string, Cell | undefined];

/** Prints a result once: as JSON where that was asked for, else as `show` writes it. */
export function print(call: Call, thing: string, data: object, show: (page: Page) => void): void {
  const { io } = call.context;
  if (call.json) io.out(`${JSON.stringify({ schema: `cloister/${thing}@1`, ...data })}\n`);
  else show(new Page(io, call.quiet));
}

/** Text for people and pipes. Everything that is printed passes {@link printable}. */
export class Page {
  readonly paint: ChalkInstance;
  readonly tty: boolean;
  readonly quiet: boolean;
  readonly #io: Io;

  constructor(io: Io, quiet: boolean) {
    this.#io = io;
    this.tty = io.outIsTty;
    this.quiet = quiet;
    this.paint = new Chalk({ level: io.outColor ? 1 : 0 });
  }

  /** `✓ pushed …`. */
  done(text: string): void {
    this.#io.out(`${this.paint.green("✓")} ${printable(text)}\n`);
  }

  /** `✗ …`, where the answer itself is a no. */
  refused(text: string): void {
    this.#io.out(`${this.paint.red("✗")} ${printable(text)}\n`);
  }

  /** A line that was made printable and painted already. */
  drawn(text: string): void {
    this.#io.out(`${text}\n`);
  }

  /** A line that starts with a mark of ours, indented. */
  marked(mark: string, text: string): void {
    this.#io.out(`  ${mark} ${printable(text)}\n`);
  }

  line(text: string, paint: (text: string) => string = plain): void {
    this.#io.out(`${paint(printable(text))}\n`);
  }

  /** A heading on a terminal; nothing in a pipe. */
  heading(text: string): void {
    if (this.tty) this.#io.out(`\n${this.paint.bold(printable(text))}\n`);
  }

  /** Sentences, indented; `label<TAB>sentence` in a pipe. */
  list(label: string, sentences: readonly string[]): void {
    const prefix = this.tty ? "  " : `${label}\t`;
    for (const sentence of sentences) this.#io.out(`${prefix}${printable(sentence)}\n`);
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
      if (this.tty) this.#io.out(`  ${this.paint.dim(label.padEnd(width))}   ${drawn(cell)}\n`);
      else this.#io.out(`${label}\t${printable(textOf(cell))}\n`);
    }
  }

  /**
   * Columns, aligned under their headings; without headings and separated by tabs in a pipe. On a terminal that is too
   * narrow the last column is cut.
   */
  table(headings: readonly string[], rows: readonly (readonly Cell[])[]): void {
    if (!this.tty) {
      for (const row of rows) this.#io.out(`${row.map((cell) => printable(textOf(cell))).join("\t")}\n`);
      return;
    }
    if (rows.length === 0) return;
    const widths = headings.map((heading, at) =>
      Math.max(heading.length, ...rows.map((row) => printable(textOf(row[at] ?? "")).length)),
    );
    const used = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
    const last = Math.max(8, this.#io.columns - used);
    for (const row of [headings.map((text) => ({ text, paint: this.paint.dim })), ...rows]) {
      const cells = row.map((cell, at) => {
        const text = printable(textOf(cell));
        const shown = at === headings.length - 1 ? cut(text, last) : text.padEnd(widths[at] ?? 0);
        return typeof cell === "string" ? shown : cell.paint(shown);
      });
      this.#io.out(`${cells.join("  ").trimEnd()}\n`);
    }
  }

  /** What to do next: for people only. */
  hints(title: string, commands: readonly string[]): void {
    if (this.quiet || !this.tty) return;
    this.heading(title);
    for (const command of commands) this.#io.out(`  ${this.paint.cyan(printable(command))}\n`);
  }

  /** A SHA-256 with its name: short on a terminal, whole in a pipe. */
  digest(hex: string): string {
    const bare = hex.replace(/^sha256:/, "");
    return `sha256:${this.tty ? `${bare.slice(0, 12)}…` : bare}`;
  }
}

/** Something to know besides the result: on standard error, so that a pipe stays clean. */
export function warn(call: Call, text: string): void {
  const { io } = call.context;
  const paint = new Chalk({ level: io.errColor ? 1 : 0 });
  io.err(`${paint.yellow("!")} ${printable(text)}\n`);
}

function textOf(cell: Cell): string {
  return typeof cell === "string" ? cell : cell.text;
}

function drawn(cell: Cell): string {
  return typeof cell === "string" ? printable(cell) : cell.paint(printable(cell.text));
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, columns - 1)}…`;
}

function plain(text: string): string {
  return text;
}
