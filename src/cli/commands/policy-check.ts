import type { PolicyCaseResult, PolicyMutation, PolicyTested } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print } from "../output.ts";
import { showProblems } from "../problem-lines.ts";

export async function test(call: Call): Promise<number> {
  const { testPolicy } = await call.library();
  const tested = await testPolicy(call.host, call.folder, {
    cases: call.args[0],
    policy: call.flags.text("file"),
    mutate: call.flags.on("mutate"),
  });
  print(call, "policy-test", tested, (page) => showTested(page, tested));
  if (tested.problems.some(({ severity }) => severity === "error")) return exitOf("USAGE");
  return tested.ok ? 0 : exitOf("FAILURE");
}

function showTested(page: Page, tested: PolicyTested): void {
  const { file, policy, problems, results, mutation } = tested;
  showProblems(page, file, problems);
  if (problems.some(({ severity }) => severity === "error")) return;
  const failed = results.filter(({ passed }) => !passed);
  for (const result of failed) showFailed(page, result, tested);
  const count = `${String(results.length)} cases`;
  if (failed.length > 0) page.refused(`${String(failed.length)} of ${count} failed   (${policy})`);
  else page.done(`${count} passed   (${policy})`);
  if (mutation) showMutation(page, mutation, policy);
}

function showFailed(page: Page, result: PolicyCaseResult, { file, policy }: PolicyTested): void {
  const { name, line, who, action, expect, rule, allow, decided } = result;
  page.line(`${file}:${String(line)}: failed: ${name}`, page.paint.red);
  page.line(`  expected  ${expect}${rule === undefined ? "" : ` by ${rule}`}   (${who}, ${action})`);
  const [first, ...others] = decided.map(
    (each) => `${each.rule}${each.line === undefined ? "" : `, ${policy}:${String(each.line)}`}   ${each.why}`,
  );
  page.line(`  got       ${allow ? "allow" : "deny"} by ${first ?? "nothing"}`);
  for (const other of others) page.line(`            and by ${other}`);
}

function showMutation(page: Page, { tried, survivors }: PolicyMutation, policy: string): void {
  for (const { what, line } of survivors) {
    page.line(`${policy}:${String(line)}: no case notices the removal of ${what}`, page.paint.yellow);
  }
  const noticed = `${String(tried - survivors.length)} of ${String(tried)} removals are noticed`;
  if (survivors.length > 0) page.refused(noticed);
  else page.done(noticed);
}
