import type { Promoted } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { log } from "../words.ts";

export async function promote(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const promoted = await (await call.project()).promote({
    reference: args[0] ?? "",
    to: flags.text("to"),
    justification: flags.text("why"),
    dryRun: flags.on("dryRun"),
  });
  print(call, "promote", promoted, (page) => showPromoted(page, promoted));
}

function showPromoted(page: Page, { reference, from, stage, by, logEntry, dryRun }: Promoted): void {
  if (dryRun) {
    page.done(`would promote ${reference} from ${from} to ${stage}`);
    page.line("  the policy allows it; nothing was written");
  } else if (from === stage) {
    page.done(`${reference} is in ${stage} already   since ${log(logEntry)}, by ${by}`);
  } else {
    page.done(`promoted ${reference} from ${from} to ${stage}   by ${by}   ${log(logEntry)}`);
  }
}
