// What a change of the policy means, and what it still waits for, as people read it.
import type { LackingKeys, PendingPolicy, PolicyChange } from "../index.ts";
import type { Page, Row } from "./output.ts";

/** One line for each change. */
export function showChanges(page: Page, changes: readonly PolicyChange[], indent = ""): void {
  for (const change of changes) page.line(`${indent}${change.sign} ${change.text}`, paintOf(page, change));
}

/** What lets more happen is what to look at. */
function paintOf(page: Page, { direction }: PolicyChange): (text: string) => string {
  if (direction === "wider") return page.paint.yellow;
  return direction === "narrower" ? page.paint.green : (text) => text;
}

/** Who signed for which side, who still can, and the command that they run. */
export function showPending(page: Page, pending: PendingPolicy): void {
  const { sides, complete, publishers, next, version } = pending;
  const counted = sides.map((side): Row => {
    const count = `${String(side.signed.length)} of ${String(side.threshold)}`;
    const missing = side.signed.length < side.threshold ? `; can still sign: ${named(side.can)}` : "";
    return [`owners of v${String(side.version)}`, `${count} signed: ${named(side.signed)}${missing}`];
  });
  const publishing: Row = ["to publish it", complete ? named(publishers) : undefined];
  page.fields([...counted, publishing, [complete ? "they run" : "the next signs with", next]]);
  if (!page.quiet && page.tty) page.line(`  Nothing has changed yet: version ${String(version - 1)} is in force.`);
}

/** Keys that nobody at hand could give. */
export function showLacking(page: Page, lacking: readonly LackingKeys[]): void {
  for (const { member, keys, holders } of lacking) {
    const who = holders.length > 0 ? `${named(holders)}: cloister key hand-on` : "nobody holds all of them";
    page.line(`  ${member} still needs ${keys.length === 1 ? "1 key" : `${String(keys.length)} keys`}   ${who}`);
  }
}

function named(members: readonly string[]): string {
  return members.length === 0 ? "nobody" : members.join(", ");
}
