import { formatBytes } from "../../base/units.ts";
import type { StoreCopied } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { reachOf } from "../reach.ts";
import { log } from "../words.ts";

export async function copy(call: Call): Promise<undefined> {
  const { flags } = call;
  const copied = await (await call.project()).copyStore({
    to: call.args[0] ?? "",
    ...reachOf(flags),
    switch: flags.on("switch"),
    dryRun: flags.on("dryRun"),
  });
  call.progress.clear();
  print(call, "store-copy", copied, (page) => showCopied(page, copied));
}

function showCopied(page: Page, copied: StoreCopied): void {
  const { from, to, objects, bytes, newObjects, newBytes, logEntries, root, switched, dryRun, command } = copied;
  if (dryRun) page.line("Nothing was copied. This would be:");
  else page.done(`copied the store to ${to}, and verified it   ${log(copied.logEntry)}`);
  page.fields([
    ["from", from],
    ["to", to],
    ["objects", `${String(objects)}, ${formatBytes(bytes)} (${String(newObjects)} new, ${formatBytes(newBytes)})`],
    ["log", logEntries === undefined ? undefined : `${String(logEntries)} entries`],
    ["root", root],
    ["this folder", dryRun ? undefined : switched ? "uses the copy from now on" : "still uses the old store"],
    ["the others", dryRun || page.tty ? undefined : command],
    ["the old store", dryRun ? undefined : OLD_STORE],
  ]);
  if (dryRun) return;
  page.hints(
    switched
      ? "The others turn to it, each in their project folder, with"
      : "Turn to it, each in their project folder, with",
    [command],
  );
}

/** Who goes on there does so for themselves alone: what is logged there parts a device from the copy for good. */
const OLD_STORE = "nobody may go on in it: take away the right to write there, and remove it when all have turned";
