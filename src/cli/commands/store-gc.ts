import { CloisterError } from "../../base/errors.ts";
import { formatBytes, formatDuration } from "../../base/units.ts";
import type { GarbageAmount, GarbageCollected } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print, type Row, warn } from "../output.ts";
import { log, minutesUtc } from "../words.ts";

export async function gc(call: Call): Promise<undefined> {
  const { flags } = call;
  const yes = flags.on("yes");
  if (yes && flags.on("dryRun")) {
    throw new CloisterError("USAGE", "--yes or --dry-run?", { next: "give one of them" });
  }
  const collected = await (await call.project()).collectGarbage({ yes });
  call.progress.clear();
  print(call, "store-gc", collected, (page) => showCollected(page, collected));
  if (!call.json) warnOf(call, collected);
}

function showCollected(page: Page, collected: GarbageCollected): void {
  const { dryRun, condemned, deleted, waiting, nextDue, unfinished, emptyMarks, complete, waitMs } = collected;
  const acts = !isNone(condemned) || !isNone(deleted) || emptyMarks > 0 || (unfinished?.count ?? 0) > 0;
  if (dryRun) page.line(acts ? "Nothing was done. This would be:" : "there is nothing to do");
  else if (!acts) page.done("there is nothing to do");
  else page.done(`${complete ? "cleaned up" : "cleaned up a part"}   ${log(collected.logEntry)}`);
  const left =
    unfinished && (unfinished.bytes > 0 || unfinished.count === 0 ? formatBytes(unfinished.bytes) : "size unknown");
  page.fields([
    ["needed", text(collected.needed)],
    ["too young", some(collected.fresh)],
    [dryRun ? "to condemn" : "condemned", some(condemned)],
    ["waiting", nextDue === undefined ? some(waiting) : `${text(waiting)}: until ${minutesUtc(nextDue)}`],
    [dryRun ? "to delete" : "deleted", some(deleted)],
    ["unfinished", unfinished && unfinished.count > 0 ? `${String(unfinished.count)}, ${left ?? ""}` : undefined],
    ["empty marks", emptyMarks > 0 ? String(emptyMarks) : undefined],
  ] satisfies readonly Row[]);
  if (dryRun) {
    if (acts) page.hints("Next", ["cloister store gc --yes"]);
    return;
  }
  if (!complete) page.hints("It took too long for one run; go on with", ["cloister store gc --yes"]);
  else if (!isNone(condemned))
    page.hints(`To be deleted, if nothing needs it, in ${formatDuration(waitMs)}:`, ["cloister store gc --yes"]);
}

function warnOf(call: Call, { odd, strange, unfinished }: GarbageCollected): void {
  if (odd.length > 0)
    warn(call, `${String(odd.length)} stay: the mark is damaged or dated ahead: condemned/${odd[0] ?? ""}`);
  if (strange > 0)
    warn(call, `${String(strange)} objects with names of no meaning lie among packs and parts: cloister store check`);
  if (!unfinished) warn(call, "unfinished uploads could not be looked for: this role may not, or the server cannot");
}

function isNone({ packs, parts }: GarbageAmount): boolean {
  return packs + parts === 0;
}

function some(amount: GarbageAmount): string | undefined {
  return isNone(amount) ? undefined : text(amount);
}

/** `12 packs, 3 seals and wraps, 700 MB`. */
function text({ packs, parts, bytes }: GarbageAmount): string {
  const each = [
    ...(packs > 0 ? [packs === 1 ? "1 pack" : `${String(packs)} packs`] : []),
    ...(parts > 0 ? [`${String(parts)} seals and wraps`] : []),
  ];
  return each.length === 0 ? "nothing" : `${each.join(", ")}, ${formatBytes(bytes)}`;
}
