import { relative } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import type { Created, CreateOptions, Detected, Plan } from "../../index.ts";
import type { Call } from "../call.ts";
import { answers, defaults } from "../init-answers.ts";
import { type Page, print } from "../output.ts";
import { projectFolder } from "../project-folder.ts";
import { reachFlags } from "../reach.ts";
import { log, shellWord } from "../words.ts";
import { wrap } from "../wrap.ts";
import { joinStore } from "./join.ts";

/** Detect, ask, show the plan, confirm, create, say what is next. */
export async function init(call: Call): Promise<undefined> {
  const { flags, args, host } = call;
  const store = flags.text("join");
  if (store !== undefined) {
    await joinStore(call, store, args[0]);
    return;
  }
  const library = await call.library();
  const folder = projectFolder(call, args[0]);
  const found = await library.detect(host, folder);
  // Before any question: a folder that is a project already, or a device without a safe place for an identity.
  if (call.context.io.canPrompt && !flags.on("yes")) await library.plan(host, defaults(call, found, folder));
  const options = await answers(call, found, folder);
  if (flags.on("dryRun")) {
    const plan = await library.plan(host, options);
    print(call, "init-plan", { ...plan, command: sameCommand(call, options) }, (page) => showDryRun(page, plan));
    return;
  }
  if (!flags.on("yes")) await confirmPlan(call, await library.plan(host, options), found);
  const created = await library.create(host, options);
  call.progress.clear();
  const command = sameCommand(call, options);
  print(call, "init", { ...created, command }, (page) => showCreated(page, created, command, { call, options }));
}

async function confirmPlan(call: Call, plan: Plan, found: Detected): Promise<void> {
  const { io, prompter } = call.context;
  const lines = planRows(plan, found).map(([label, text]) => {
    return `  ${label.padEnd(8)}   ${wrap(printable(text), io.columns - 13).join(`\n${" ".repeat(13)}`)}\n`;
  });
  if (io.canPrompt) io.err(`\nThis will be set up:\n${lines.join("")}\n`);
  if (await prompter.confirm({ message: "Set it up?", default: true, flag: "--yes" })) return;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was written" });
}

function planRows(plan: Plan, found: Detected | undefined): readonly (readonly [string, string])[] {
  const { git } = found ?? {};
  return [
    ["folder", `${plan.folder}${git ? `  (git${git.branch ? `, branch ${git.branch}` : ""})` : ""}`],
    ["store", plan.store],
    ["identity", plan.identity],
    ...plan.files.map((file, at) => [at === 0 ? "files" : "", file] as const),
    ...plan.policyLines.map((text, at) => [at === 0 ? "policy" : "", text] as const),
  ];
}

function showDryRun(page: Page, plan: Plan): void {
  page.line("Nothing was written. This would be set up:");
  page.fields(planRows(plan, undefined));
  page.heading("cloister.policy.yaml");
  page.text(plan.policyText);
}

function showCreated(
  page: Page,
  created: Created,
  command: string,
  { call, options }: { readonly call: Call; readonly options: CreateOptions },
): void {
  page.done(`project ${created.project} is ready   ${log(created.logEntry)}`);
  page.fields([
    ["folder", created.folder],
    ["store", created.store],
    ["you", `${created.member}  ${created.fingerprint}`],
    ["key kept in", created.identityStorage],
    ["signs in", options.signingKey === undefined ? undefined : `AWS KMS: ${options.signingKey}`],
    ["policy", `v${String(created.policyVersion)}  ${page.digest(created.policyDigest)}`],
    ["files", created.files.map((file) => relative(created.folder, file)).join(" ")],
  ]);
  const away = relative(call.context.cwd, created.folder);
  page.hints("Next", [
    ...(away === "" ? [] : [`cd ${shellWord(away)}`]),
    "cloister push PATH --name NAME",
    `cloister ws create w1 --input NAME --purpose ${shellWord(options.purpose)}`,
    "cloister run w1 -- ls /inputs",
    "cloister policy show",
  ]);
  if (options.template !== "solo") page.hints("Colleagues ask to join with", [joinCommand(created, options)]);
  page.hints("The same without questions", [command]);
}

/** Whose credentials a colleague uses is for them to say. */
function joinCommand({ store, project }: Created, { endpoint, region }: CreateOptions): string {
  const reach = store.startsWith("s3:") ? reachFlags({ endpoint, region }) : [];
  return ["cloister join", shellWord(store), shellWord(project), ...reach].join(" ");
}

/** The flag-only command that does the same, quoted for a shell. */
function sameCommand(call: Call, options: CreateOptions): string {
  const { flags, args } = call;
  const passphraseFile = flags.text("passphraseFile");
  return [
    "cloister init",
    ...(args[0] === undefined ? [] : [shellWord(args[0])]),
    `--template ${shellWord(options.template)} --project ${shellWord(options.project)}`,
    `--store ${shellWord(options.store)}`,
    ...reachFlags(options),
    `--as ${shellWord(options.member)} --name ${shellWord(options.name)}`,
    `--domain ${shellWord(options.domain)} --purpose ${shellWord(options.purpose)}`,
    ...(options.account === undefined ? [] : [`--account ${shellWord(options.account)}`]),
    ...(options.kms === undefined ? [] : [`--kms ${shellWord(options.kms)}`]),
    ...(options.signingKey === undefined ? [] : [`--signing-key ${shellWord(options.signingKey)}`]),
    ...(options.bucket === undefined ? [] : [`--bucket ${shellWord(options.bucket)}`]),
    ...(passphraseFile === undefined ? [] : [`--passphrase-file ${shellWord(passphraseFile)}`]),
    ...(flags.on("insecureStorage") ? ["--insecure-storage"] : []),
    "--yes",
  ].join(" ");
}
