import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { PolicyChecked, PolicyShown, Project } from "../../index.ts";
import type { Call } from "../call.ts";
import { exitOf } from "../exit-codes.ts";
import { type Page, print, warn } from "../output.ts";
import { showLacking, showPending } from "../policy-words.ts";
import { showProblems } from "../problem-lines.ts";
import { log } from "../words.ts";
import { wrap } from "../wrap.ts";

const FILE = "cloister.policy.yaml";

export async function show(call: Call): Promise<undefined> {
  if (call.flags.on("proposal")) return (await import("./policy-sign.ts")).showProposal(call);
  const policy = await (await call.project()).showPolicy();
  print(call, "policy", policy, (page) => {
    if (call.flags.on("text")) page.text(policy.text);
    else showPolicy(page, policy);
  });
  // The text alone is for a file: the difference is what is being mended.
  if (policy.localFile !== "same" && !call.json && !call.quiet && !call.flags.on("text")) {
    const file =
      policy.localFile === "missing"
        ? `${FILE} is missing (cloister policy show --text > ${FILE})`
        : `${FILE} differs from it (cloister policy diff shows how)`;
    warn(call, `this is the policy in force; ${file}`);
  }
}

function showPolicy(page: Page, policy: PolicyShown): void {
  page.fields([
    ["version", `v${String(policy.version)}`],
    page.digestRow(policy.digest),
    ["signed by", policy.signedBy.join(", ")],
    ["policy fingerprint", policy.projectFingerprint],
    ["log", `#${String(policy.logEntry)}`],
  ]);
  page.heading("In plain words");
  page.list("says", policy.lines);
}

export async function check(call: Call): Promise<number> {
  if (call.flags.on("schema")) {
    // JSON as it is: for a file that editors read, with --json or without.
    call.context.io.out((await (await call.library()).policySchema()).text);
    return 0;
  }
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

function showChecked(page: Page, checked: PolicyChecked, file: string): void {
  showProblems(page, file, checked.problems);
  if (!checked.ok) return;
  page.done(`${file} is a sound policy`);
  for (const text of checked.lines) page.line(`  ${text}`);
}

export async function propose(call: Call): Promise<number> {
  const { flags } = call;
  const project = await call.project();
  const options = { justification: flags.text("why"), dryRun: flags.on("dryRun") };
  if (!options.dryRun && !flags.on("yes")) await confirmPolicy(call, project, options.justification);
  const proposed = await project.proposePolicy(options);
  print(call, "policy-propose", proposed, (page) => {
    const verb = proposed.dryRun ? "would sign" : "signed";
    page.done(`${verb} policy v${String(proposed.version)}  ${page.digest(proposed.digest)}`);
    const end = proposed.dryRun ? "nothing was written" : log(proposed.logEntry);
    page.line(`  from ${proposed.file}   ${proposed.pending ? "waits for signatures" : end}`);
    if (proposed.pending) showPending(page, proposed.pending);
    showLacking(page, proposed.lacking);
  });
  return proposed.pending && !proposed.dryRun ? exitOf("APPROVAL_PENDING") : 0;
}

/** Shows what changes, in plain sentences, and asks. */
async function confirmPolicy(call: Call, project: Project, justification: string | undefined): Promise<void> {
  const { io, prompter } = call.context;
  // Before the question: mistakes in the file, and who may not sign it.
  const next = await project.proposePolicy({ justification, dryRun: true });
  if (io.canPrompt) {
    const [now, then] = [await project.showPolicy(), await (await call.library()).checkPolicy(call.host, next.file)];
    const changes = [
      ...now.lines.filter((text) => !then.lines.includes(text)).map((text) => `- ${text}`),
      ...then.lines.filter((text) => !now.lines.includes(text)).map((text) => `+ ${text}`),
    ];
    if (changes.length === 0) changes.push("the same in plain words; the file differs in details");
    io.err(`\nPolicy v${String(next.version)}, from ${printable(next.file)}:\n`);
    for (const text of changes) io.err(`  ${wrap(printable(text), io.columns - 4).join("\n    ")}\n`);
    io.err("\n");
  }
  if (await prompter.confirm({ message: "Sign it for everybody?", default: false, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was written" });
}
