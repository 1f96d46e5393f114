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
  ]);
  if (dryRun) return;
  page.hints(
    switched
      ? "The others turn to it, each in their project folder, with"
      : "Turn to it, each in their project folder, with",
    [command],
  );
  if (page.tty && !page.quiet) {
    page.line("  From then on nobody may push to the old store: it would not be in the copy.", page.paint.dim);
  }
}
