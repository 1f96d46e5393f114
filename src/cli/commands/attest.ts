import { CloisterError } from "../../base/errors.ts";
import type { Attested } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { log } from "../words.ts";

const RESULTS = ["pass", "fail"] as const;

export async function attest(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const attested = await (await call.project()).attest({
    reference: args[0] ?? "",
    file: args[1] ?? "",
    kind: given(flags.text("type"), "--type KIND", "cloister policy show lists the kinds of evidence"),
    result: given(flags.choice("result", RESULTS), "--result", "--result pass or --result fail"),
    justification: flags.text("why"),
    dryRun: flags.on("dryRun"),
  });
  print(call, "attest", attested, (page) => showAttested(page, attested));
}

/** @throws CloisterError USAGE */
function given<T>(value: T | undefined, flag: string, next: string): T {
  if (value !== undefined) return value;
  throw new CloisterError("USAGE", `${flag} is missing`, {
    why: "a statement is of a kind, and passes or fails",
    next,
  });
}

function showAttested(page: Page, attested: Attested): void {
  const { kind, result, reference, by, document, digest, logEntry, dryRun } = attested;
  page.done(`${dryRun ? "would state" : "stated"} ${kind} ${result} of ${reference}`);
  const said = `${document.name}  ${page.digest(document.sha256)}`;
  if (digest === undefined) page.line(`  ${said}   the policy allows it; nothing was written`);
  else page.line(`  ${said}   signed by ${by}   statement ${digest.slice(0, 12)}   ${log(logEntry)}`);
}
