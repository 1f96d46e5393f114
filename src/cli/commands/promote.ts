import { CloisterError } from "../../base/errors.ts";
import type { Declassified, Promoted } from "../../index.ts";
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

export async function tag(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const [reference = "", word = ""] = args;
  const set = await (await call.project()).tag({ reference, tag: word, dryRun: flags.on("dryRun") });
  print(call, "tag", set, (page) => {
    const moved = set.from === undefined ? "" : ` (was ${set.from})`;
    page.done(
      `${set.dryRun ? "would tag" : "tagged"} ${set.reference} as ${set.tag}${moved}   by ${set.by}   ${log(set.logEntry)}`,
    );
  });
}

export async function declassify(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const to = flags.text("to");
  if (to === undefined) {
    throw new CloisterError("USAGE", "declassify to which class?", { next: "add --to CLASS: cloister policy show" });
  }
  const declassified = await (await call.project()).declassify({
    ...{ reference: args[0] ?? "", to, dryRun: flags.on("dryRun") },
    ...{ purpose: flags.text("purpose", "CLOISTER_PURPOSE"), justification: flags.text("why") },
  });
  call.progress.clear();
  print(call, "declassify", declassified, (page) => showDeclassified(page, declassified));
}

function showDeclassified(page: Page, declassified: Declassified): void {
  const { reference, from, class: klass, digest, pushedBy, declassifyEntry, dryRun } = declassified;
  if (dryRun) {
    page.done(`would declassify ${from.reference} from ${from.class} to ${klass}`);
    page.line("  the policy allows it; nothing was written");
    return;
  }
  page.done(`declassified ${from.reference} (${from.class}) as ${reference} (${klass})  ${page.digest(digest)}`);
  page.line(`  signed by ${pushedBy}   ${log(declassifyEntry)}   ${from.reference} stays ${from.class}`);
}
