import { CloisterError } from "../../base/errors.ts";
import { durationFlagMs, formatBytes, formatDuration, parseBytes } from "../../base/units.ts";
import type { Project, Receipt, RunResult, Streams, WorkspaceDetail, WorkspaceSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Cell, type Page, print, type Row } from "../output.ts";
import { secretUse } from "../secret-words.ts";
import { signalExit } from "../signals.ts";
import { files, left, log, minutesUtc, shellLine, shellWord, took } from "../words.ts";

export async function create(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const ttl = flags.text("ttl");
  const dryRun = flags.on("dryRun");
  const made = await (await call.project()).createWorkspace({
    name: args[0] ?? "",
    inputs: flags.list("input"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    ttlMs: ttl === undefined ? undefined : durationFlagMs(ttl, "--ttl"),
    code: flags.text("code"),
    domain: flags.text("domain"),
    diskBytes: diskBytes(flags.text("disk")),
    dryRun,
  });
  call.progress.clear();
  print(call, "workspace", { ...made, dryRun }, (page) => {
    const verb = dryRun ? "would create" : "created";
    page.done(`${verb} workspace ${made.name}   label ${labelOf(made)}   ${left(made.leftMs)} left`);
    const end = dryRun ? "nothing was written" : log(made.logEntry);
    page.line(`  domain ${made.domain}   disk ${formatBytes(made.diskBytes)}   ${made.driver}   ${end}`);
    for (const input of made.inputs) page.line(`  input ${input.reference} (${input.class}) at ${input.path}`);
    if (!dryRun) page.hints("Next", [`cloister run ${made.name} -- ls /inputs`, `cloister ws show ${made.name}`]);
  });
}

function diskBytes(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseBytes(text);
  if (bytes) return bytes;
  throw new CloisterError("USAGE", `--disk ${text} is no size`, { next: "write it like --disk 4GB (MB, GB, TB)" });
}

function labelOf({ label }: { readonly label: string | undefined }): string {
  return label ?? "none";
}

export async function list(call: Call): Promise<undefined> {
  const workspaces = await (await call.project()).listWorkspaces();
  print(call, "workspace-list", { workspaces }, (page) => {
    page.table(
      ["NAME", "STATE", "DOMAIN", "LABEL", "LEFT", "INPUTS"],
      workspaces.map((workspace) => listRow(page, workspace)),
    );
    if (page.tty && workspaces.length === 0 && !page.quiet) {
      page.line("no workspaces: cloister ws create NAME --input REF --purpose PURPOSE", page.paint.dim);
    }
  });
}

function listRow(page: Page, workspace: WorkspaceSummary): readonly Cell[] {
  const { name, state, domain, leftMs, inputs } = workspace;
  const paint = state === "running" ? page.paint.green : page.paint.yellow;
  const remains = state !== "running" ? "-" : page.tty ? left(leftMs) : String(Math.round(leftMs / 1000));
  return [name, { text: state, paint }, domain, labelOf(workspace), remains, inputs.map((i) => i.reference).join(" ")];
}

export async function show(call: Call): Promise<undefined> {
  const detail = await (await call.project()).showWorkspace(call.args[0] ?? "");
  print(call, "workspace", detail, (page) => {
    if (page.tty) page.line(detail.name, page.paint.bold);
    page.fields(detailRows(page, detail));
    if (detail.enforced.length > 0) page.heading("Enforced");
    page.list("enforced", detail.enforced);
    if (detail.notEnforced.length > 0) page.heading("Not enforced");
    page.list("not enforced", detail.notEnforced);
  });
}

function detailRows(page: Page, detail: WorkspaceDetail): readonly Row[] {
  const { code, labelFrom, inputs, runs } = detail;
  return [
    ["name", page.tty ? undefined : detail.name],
    ["state", detail.state],
    ["label", `${labelOf(detail)}${labelFrom ? ` (${labelFrom})` : ""}`],
    ["domain", detail.domain],
    ["purpose", detail.purpose],
    ["left", `${left(detail.leftMs)} (until ${page.tty ? minutesUtc(detail.expiresAt) : detail.expiresAt})`],
    ["disk", formatBytes(detail.diskBytes)],
    ["driver", detail.driver],
    ["code", code && `${code.folder}  ${files(code.files)}${code.commit ? `  commit ${code.commit}` : ""}`],
    ...inputs.map((input): Row => ["input", `${input.path}  ${input.reference} (${input.class})`]),
    ...runs.map((run): Row => ["run", `${shellLine(run.argv)}  (${runEnd(run.exit)}, ${took(run.seconds)})`]),
  ];
}

function runEnd(exit: number | undefined): string {
  return exit === undefined ? "not ended" : `exit ${String(exit)}`;
}

/** Runs a command and ends with its exit code. */
export async function run(call: Call): Promise<number> {
  const { context, rest, args, flags } = call;
  const { io, interruption } = context;
  const words = rest === undefined ? args : args.slice(0, args.length - rest.length);
  if (rest === undefined || rest.length === 0 || words.length > 1) throw noCommand(words, rest);
  const project = await call.project();
  const workspace = words[0] ?? (await onlyWorkspace(project, rest));
  const seed = flags.count("seed", 0);
  const streams: Streams = { stdin: io.stdin, stdout: call.json ? io.stderr : io.stdout, stderr: io.stderr };
  const work = async (): Promise<RunResult> => {
    const secrets = flags.list("secret").map(secretUse);
    const creds = flags.choice("creds", ["token", "aws"]);
    const options = { workspace, argv: rest, seed, secrets, keepOutput: flags.on("keepOutput"), creds };
    return await project.run(options, streams);
  };
  // A child on the terminal gets Ctrl-C from the terminal itself.
  const result = await (io.inIsTty && io.outIsTty && !call.json ? interruption.leaveToChild(work) : work());
  call.progress.clear();
  if (call.json) print(call, "run", result, () => {});
  else if (!call.quiet) showEnd(call, result);
  const caught = interruption.caught();
  return caught ? signalExit(caught) : result.exit;
}

function showEnd(call: Call, { workspace, exit, seconds, output, logEntry }: RunResult): void {
  const { io } = call.context;
  if (io.errIsTty) io.err(freshLine(io.columns));
  if (output) call.progress.note(`the output is kept in the workspace, in ${output}`);
  if (!io.errIsTty) return;
  call.progress.note(`${workspace} ended with ${String(exit)} after ${took(seconds)}   ${log(logEntry)}`, "dim");
}

/**
 * Goes to the start of a line that holds nothing, wherever the cursor was left: spaces to the last column wrap unless
 * it stood at the first one.
 */
function freshLine(columns: number): string {
  return `${" ".repeat(columns - 1)}\r`;
}

function noCommand(words: readonly string[], rest: readonly string[] | undefined): CloisterError {
  const [workspace = "WORKSPACE", ...command] = rest === undefined ? words : words.slice(0, 1);
  const shown = shellLine(rest?.length ? rest : command) || "COMMAND";
  const why = words.length > 1 && rest?.length ? "before -- stands one workspace" : "a command comes after --";
  return new CloisterError("USAGE", "run needs a command", { why, next: `cloister run ${workspace} -- ${shown}` });
}

async function onlyWorkspace(project: Project, command: readonly string[]): Promise<string> {
  const running = (await project.listWorkspaces()).filter(({ state }) => state === "running");
  const [first, second] = running;
  if (first && !second) return first.name;
  throw new CloisterError("USAGE", "run needs the name of a workspace", {
    why: first ? `several are running: ${running.map(({ name }) => name).join(", ")}` : "none is running",
    next: first
      ? `cloister run ${first.name} -- ${shellLine(command)}`
      : "cloister ws create NAME --input REF --purpose PURPOSE",
  });
}

export async function destroy(call: Call): Promise<undefined> {
  const { flags, args, context } = call;
  const name = args[0] ?? "";
  const project = await call.project();
  if (!flags.on("yes") && context.io.canPrompt) {
    // Before the question: a workspace that is gone already cannot be erased.
    await project.showWorkspace(name);
    const message = `Erase workspace ${shellWord(name)} and everything in it that was not pushed?`;
    if (!(await context.prompter.confirm({ message, default: false, flag: "--yes" }))) {
      throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was erased" });
    }
  }
  const receipt = await project.destroyWorkspace(name);
  print(call, "workspace-receipt", receipt, (page) => showReceipt(page, receipt));
}

function lostText(lost: Receipt["lost"]): string {
  if (!lost) return "unknown: it was gone already";
  return lost.files === 0 ? "nothing" : `${files(lost.files)}, ${formatBytes(lost.bytes)}`;
}

function showReceipt(page: Page, receipt: Receipt): void {
  const { lost, pushed } = receipt;
  page.done(
    `destroyed workspace ${receipt.workspace} after ${formatDuration(receipt.livedMs)}   ${log(receipt.logEntry)}`,
  );
  page.fields([
    ["label", labelOf(receipt)],
    ["pushed", pushed.length > 0 ? pushed.join(" ") : "nothing"],
    ["lost", lostText(lost)],
    ["erased", receipt.erased],
  ]);
}
