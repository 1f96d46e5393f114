import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { Exported } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { files, log, shellWord } from "../words.ts";

export async function exportVersion(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const reference = args[0] ?? "";
  const to = flags.text("to");
  if (to === undefined) {
    throw new CloisterError("USAGE", "where to?", {
      next: `cloister artifact export ${shellWord(reference)} --to s3://bucket/prefix, domain:NAME or ./folder`,
    });
  }
  const exported = await (await call.project()).exportVersion({
    reference,
    to,
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    name: flags.text("name"),
    class: flags.text("class"),
    endpoint: flags.text("endpoint"),
    region: flags.text("region"),
    profile: flags.text("profile"),
    dryRun: flags.on("dryRun"),
  });
  call.progress.clear();
  print(call, "export", exported, (page) => showExported(page, exported));
}

function showExported(page: Page, exported: Exported): void {
  const { reference, destination, destinationKind, made, dryRun } = exported;
  const size = `${formatBytes(exported.bytes)} in ${files(exported.files)}`;
  page.done(`${dryRun ? "would export" : "exported"} ${reference}  ${page.digest(exported.digest)}  ${size}`);
  page.line(`  to ${destination}${made ? ` as ${made.reference} (class ${made.class})` : ""}`);
  page.line(`  class ${exported.class}   ${dryRun ? "nothing was written" : log(exported.exportEntry)}`);
  if (destinationKind === "domain" || dryRun) return;
  page.line("  from here on nothing of this project governs that copy: who can read the place can read it");
}
