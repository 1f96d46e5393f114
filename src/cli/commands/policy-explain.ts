import { durationFlagMs } from "../../base/units.ts";
import type { Explained, ExplainedAbout } from "../../index.ts";
import { actionInWords } from "../action-words.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { refusalLines } from "../failure-text.ts";
import { type Page, print } from "../output.ts";
import { log } from "../words.ts";

const KINDS = ["dataset", "model", "code", "report"] as const;

export async function explain(call: Call): Promise<number> {
  const { flags, args } = call;
  const ttl = flags.text("ttl");
  const explained = await (await call.project()).explainPolicy({
    action: args[0] ?? "",
    as: flags.text("as"),
    domain: flags.text("domain"),
    class: flags.text("class"),
    kind: flags.choice("kind", KINDS),
    purpose: flags.text("purpose"),
    justification: flags.text("why"),
    reference: args[1],
    to: flags.text("to"),
    ttlMs: ttl === undefined ? undefined : durationFlagMs(ttl, "--ttl"),
  });
  print(call, "policy-explain", explained, (page) => showExplained(page, explained));
  if (!flags.on("exitCode") || explained.allow) return 0;
  return exitOf(explained.lacksApproval ? "APPROVAL_PENDING" : "POLICY_DENIED");
}

function showExplained(page: Page, explained: Explained): void {
  const { member, action, allow, by, refusals, policyVersion, enforcement, about, restsOn, notKnown } = explained;
  const what = `${actionInWords(action)}   policy v${String(policyVersion)}   (${enforcement})`;
  if (allow) page.done(`${member} may ${what}`);
  else page.refused(`${member} may not ${what}`);
  const rows: [string, string][] = [];
  if (about) rows.push(["of", aboutText(about)]);
  for (const { rule, line, text } of by) rows.push(["by", `${inLine(rule, line)}   ${text}`]);
  for (const { fact, rule, line } of restsOn) rows.push(["needs", `${fact}   (${inLine(rule, line)})`]);
  page.fields(rows);
  for (const refusal of refusals) {
    for (const text of refusalLines(refusal, policyVersion, page.paint, page.columns)) page.drawn(text);
  }
  for (const text of notKnown) page.line(`  not known: ${text}`);
}

function aboutText({ reference, kind, class: klass, stage, pushedBy, logEntry }: ExplainedAbout): string {
  const what = [kind ?? "kind not known", `class ${klass}`, ...(stage === undefined ? [] : [`stage ${stage}`])];
  return `${reference}   ${what.join(", ")}, pushed by ${pushedBy}   ${log(logEntry)}`;
}

function inLine(rule: string, line: number | undefined): string {
  return line === undefined ? rule : `${rule}, line ${String(line)}`;
}
