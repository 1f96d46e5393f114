// Draws the list of things that were checked: verify, audit verify, doctor.
import type { Check } from "../index.ts";
import type { Page } from "./output.ts";

/** On a terminal a mark per check and a verdict; in a pipe `state<TAB>name<TAB>text`. */
export function showChecks(page: Page, checks: readonly Check[], verdict: string, good: boolean): void {
  if (!page.tty) {
    page.table(
      [],
      checks.map(({ state, name, text }) => [state, name, text]),
    );
    return;
  }
  const width = Math.max(0, ...checks.map(({ name }) => name.length));
  const marks = { good: page.paint.green("✓"), bad: page.paint.red("✗"), unknown: page.paint.yellow("?") };
  for (const { state, name, text } of checks) page.marked(marks[state], name.padEnd(width), text);
  if (good) page.done(verdict);
  else page.refused(verdict);
}
