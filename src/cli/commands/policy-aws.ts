import { CloisterError } from "../../base/errors.ts";
import type { AwsExported, AwsVerified } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";

export async function exportDocuments(call: Call): Promise<undefined> {
  requireAws(call);
  const out = call.flags.text("out");
  if (out === undefined) {
    throw new CloisterError("USAGE", "which folder?", { next: "cloister policy export aws --out DIR" });
  }
  const exported = await (await call.library()).exportAws(call.host, call.folder, {
    out,
    file: call.flags.text("file"),
  });
  print(call, "policy-export-aws", exported, (page) => showExported(page, exported));
}

function showExported(page: Page, { out, policyVersion, documents, terraform, notes }: AwsExported): void {
  page.done(`wrote the AWS side of policy v${String(policyVersion)} to ${out}`);
  page.fields([
    ...documents.map(({ file, chars, charsMax }): [string, string] => [
      file,
      `${String(chars)} of ${String(charsMax)} characters`,
    ]),
    [terraform, "all of them, for terraform apply"],
  ]);
  page.heading("To know");
  page.list("note", notes);
}

export async function verifyDocuments(call: Call): Promise<number> {
  requireAws(call);
  const file = call.flags.text("file");
  const deployed = call.flags.text("deployed");
  const library = await call.library();
  if (call.flags.on("commands")) {
    const { policyVersion, readings } = await library.awsReadings(call.host, call.folder, file);
    print(call, "policy-verify-aws-commands", { policyVersion, readings }, (page) => {
      page.text(readings.map((each) => `${each.command} --output json > ${each.file}\n`).join(""));
    });
    return 0;
  }
  if (deployed === undefined) {
    throw new CloisterError("USAGE", "where is what is deployed?", {
      why: "Cloister compares what the aws program prints",
      next: "cloister policy verify aws --commands, then: cloister policy verify aws --deployed DIR",
    });
  }
  const verified = await library.verifyAws(call.host, call.folder, { deployed, file });
  print(call, "policy-verify-aws", verified, (page) => showVerified(page, verified));
  return verified.same ? 0 : exitOf("FAILURE");
}

function showVerified(page: Page, { same, policyVersion, documents }: AwsVerified): void {
  const title = `policy v${String(policyVersion)}`;
  if (same) page.done(`what is deployed is what ${title} makes`);
  else page.refused(`what is deployed is not what ${title} makes`);
  for (const document of documents) {
    if (document.state === "same") continue;
    if (document.state === "missing") page.line(`  ${document.title}: not deployed, or not read (${document.file})`);
    for (const { direction, text } of document.differences) {
      const paint = direction === "narrower" ? page.paint.yellow : page.paint.red;
      page.line(`  ${document.title}: ${direction === "other" ? "different" : direction}: it ${text}`, paint);
    }
  }
  if (!same) page.line("  next: cloister policy export aws --out DIR, and apply it");
}

/** @throws CloisterError USAGE */
function requireAws(call: Call): void {
  const [target] = call.args;
  if (target === "aws") return;
  throw new CloisterError("USAGE", `${JSON.stringify(target ?? "")} is no target`, {
    why: "aws is the only target",
    next: "cloister help policy export",
  });
}
