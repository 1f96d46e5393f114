// Breaks long text between words, so that a terminal does not break it inside one.
import { stripVTControlCharacters } from "node:util";

/** Narrower than this, a hanging indent would leave no room for words. */
const COLUMNS_MIN = 20;

/**
 * The lines of a text, none wider than `columns` where its words allow it. A word that is too long stays whole (paths,
 * digests and links are there to be copied), and so do runs of spaces inside a line. Colours count for nothing.
 */
export function wrap(text: string, columns: number): readonly string[] {
  const width = Math.max(COLUMNS_MIN, columns);
  const lines: string[] = [];
  let line = "";
  let used = 0;
  for (const piece of text.split(/(?<=\S)(?=\s)/)) {
    const size = stripVTControlCharacters(piece).length;
    if (line !== "" && used + size > width) {
      lines.push(line);
      line = piece.trimStart();
      used = stripVTControlCharacters(line).length;
    } else {
      line += piece;
      used += size;
    }
  }
  return [...lines, line];
}
