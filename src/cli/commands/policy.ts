import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { durationFlagMs } from "../../base/units.ts";
import type { Explained, PolicyChecked, PolicyShown } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { refusalLines } from "../failure-text.ts";
import { type Page, print, warn } from "../output.ts";
import { log } from "../words.ts";

const FILE = "cloister.policy.yaml";
const KINDS = ["dataset", "model", "code", "report"] as const;

export async function show(call: Call): Promise<undefined> {
  const policy = await (await call.project()).showPolicy();
  print(call, "policy", policy, (page) => {
    if (call.flags.on("text")) page.text(policy.text);
    else showPolicy(page, policy);
  });
  if (policy.localFile !== "same" && !call.json && !call.quiet) {
    const file = policy.localFile === "missing" ? `${FILE} is missing` : `${FILE} differs from it`;
    warn(call, `this is the policy in force; ${file} (cloister policy propose)`);
  }
}

function showPolicy(page: Page, policy: PolicyShown): void {
  page.fields([
    ["version", `v${String(policy.version)}`],
    ["digest", `sha256:${policy.digest.replace(/^sha256:/, "")}`],
    ["signed by", policy.signedBy.join(", ")],
    ["log", `#${String(policy.logEntry)}`],
  ]);
  page.heading("In plain words");
  page.list("says", policy.lines);
}

export async function check(call: Call): Promise<number> {
  const named = call.args[0];
  const file = named === undefined ? nearestPolicy(call.folder) : resolve(call.context.cwd, named);
  const checked = await (await call.library()).checkPolicy(call.host, file);
  print(call, "policy-check", checked, (page) => showChecked(page, checked, relative(call.context.cwd, file)));
  return checked.ok ? 0 : exitOf("USAGE");
}

/** The policy file of this folder or the nearest parent that has one. */
function nearestPolicy(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    const file = join(at, FILE);
    if (existsSync(file)) return file;
    if (dirname(at) === at) return join(folder, FILE);
  }
}

/** One problem a line as compilers print them, so that editors can jump there. */
function showChecked(page: Page, checked: PolicyChecked, file: string): void {
  for (const { line, column, severity, message, hint } of checked.problems) {
    const paint = severity === "error" ? page.paint.red : page.paint.yellow;
    page.line(`${file}:${String(line)}:${String(column)}: ${severity}: ${message}`, paint);
    if (hint) page.line(`  ${hint}`);
  }
  if (!checked.ok) return;
  page.done(`${file} is a sound policy`);
  for (const text of checked.lines) page.line(`  ${text}`);
}

export async function explain(call: Call): Promise<undefined> {
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
    ttlMs: ttl === undefined ? undefined : durationFlagMs(ttl, "--ttl"),
  });
  print(call, "policy-explain", explained, (page) => showExplained(page, explained));
}

function showExplained(page: Page, explained: Explained): void {
  const { member, action, allow, by, refusals, policyVersion, enforcement } = explained;
  if (allow) page.done(`${member} may ${action}   policy v${String(policyVersion)}   (${enforcement})`);
  else page.refused(`${member} may not ${action}   policy v${String(policyVersion)}   (${enforcement})`);
  for (const { rule, line, text } of by) {
    page.fields([["by", `${rule}${line === undefined ? "" : `, line ${String(line)}`}   ${text}`]]);
  }
  for (const refusal of refusals) for (const text of refusalLines(refusal, policyVersion, page.paint)) page.drawn(text);
}

export async function propose(call: Call): Promise<undefined> {
  const { flags } = call;
  const project = await call.project();
  const proposed = await project.proposePolicy({ justification: flags.text("why"), dryRun: flags.on("dryRun") });
  print(call, "policy-propose", proposed, (page) => {
    const verb = proposed.dryRun ? "would sign" : "signed";
    page.done(`${verb} policy v${String(proposed.version)}  ${page.digest(proposed.digest)}`);
    const end = proposed.dryRun ? "nothing was written" : log(proposed.logEntry);
    page.line(`  from ${proposed.file}   ${end}`);
  });
}
