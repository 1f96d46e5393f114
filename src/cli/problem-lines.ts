// Problems of a file, one a line as compilers print them, so that editors can jump there.
import type { PolicyProblem } from "../index.ts";
import type { Page } from "./output.ts";

export function showProblems(page: Page, file: string, problems: readonly PolicyProblem[]): void {
  for (const { line, column, severity, message, hint } of problems) {
    const paint = severity === "error" ? page.paint.red : page.paint.yellow;
    page.line(`${file}:${String(line)}:${String(column)}: ${severity}: ${message}`, paint);
    if (hint) page.line(`  ${hint}`);
  }
}
