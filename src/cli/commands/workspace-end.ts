// How workspaces end: destroyed, pruned, or later than was planned.
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { durationFlagMs, formatBytes, formatDuration } from "../../base/units.ts";
import type { LostFiles, Receipt } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print, type Row } from "../output.ts";
import { files, left, log, minutesUtc, shellWord } from "../words.ts";
import { labelOf } from "./workspace.ts";

export async function destroy(call: Call): Promise<undefined> {
  const { flags, args, context } = call;
  const name = args[0] ?? "";
  const dryRun = flags.on("dryRun");
  const project = await call.project();
  let discard = flags.on("yes");
  if (!discard && !dryRun && context.io.canPrompt) {
    const { lost } = await project.destroyWorkspace(name, { dryRun: true });
    discard = await mayBeLost(call, [{ workspace: name, lost }]);
  }
  const receipt = await project.destroyWorkspace(name, { discard, dryRun });
  call.progress.clear();
  print(call, "workspace-receipt", { ...receipt, dryRun }, (page) => showReceipt(page, receipt, dryRun));
}

export async function prune(call: Call): Promise<undefined> {
  const { flags, context } = call;
  const idle = flags.text("idle");
  const dryRun = flags.on("dryRun");
  const options = { idleMs: idle === undefined ? undefined : durationFlagMs(idle, "--idle"), dryRun };
  const project = await call.project();
  let discard = flags.on("yes");
  if (!discard && !dryRun && context.io.canPrompt && options.idleMs !== undefined) {
    const { pruned } = await project.pruneWorkspaces({ ...options, dryRun: true });
    discard = await mayBeLost(call, pruned);
  }
  const result = await project.pruneWorkspaces({ ...options, discard });
  call.progress.clear();
  print(call, "workspace-pruned", { ...result, dryRun }, (page) => {
    for (const receipt of result.pruned) showReceipt(page, receipt, dryRun);
    for (const name of result.damaged) {
      const verb = dryRun ? "would forget" : "forgot";
      page.done(`${verb} workspace ${name}, whose record is damaged   what it had ends at its time to live`);
    }
    if (page.tty && result.pruned.length + result.damaged.length === 0 && !page.quiet) {
      page.line(`nothing to prune, ${workspaces(result.kept)} kept`, page.paint.dim);
    }
  });
}

export async function extend(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const ttl = flags.text("ttl");
  if (ttl === undefined) {
    throw new CloisterError("USAGE", "extend needs the time that the workspace is to have from now", {
      next: `cloister ws extend ${shellWord(args[0] ?? "NAME")} --ttl 4h`,
    });
  }
  const dryRun = flags.on("dryRun");
  const extended = await (await call.project()).extendWorkspace({
    name: args[0] ?? "",
    ttlMs: durationFlagMs(ttl, "--ttl"),
    justification: flags.text("why"),
    dryRun,
  });
  call.progress.clear();
  print(call, "workspace-extended", { ...extended, dryRun }, (page) => {
    const verb = dryRun ? "would extend" : "extended";
    const end = dryRun ? "nothing was written" : log(extended.logEntry);
    page.done(`${verb} workspace ${extended.workspace}   ${left(extended.leftMs)} left   ${end}`);
    const [was, is] = [extended.expiredAt, extended.expiresAt].map((time) => (page.tty ? minutesUtc(time) : time));
    page.line(`  until ${is ?? ""} instead of ${was ?? ""}   ${formatDuration(extended.livesMs)} in all`);
  });
}

const NAMED_MAX = 20;

/**
 * Names what was not pushed and asks whether it may be lost; nothing is asked where there is nothing.
 * @throws CloisterError INTERRUPTED where it may not
 */
async function mayBeLost(call: Call, ends: readonly Pick<Receipt, "workspace" | "lost">[]): Promise<boolean> {
  const { io, prompter } = call.context;
  let asked = false;
  for (const { workspace, lost } of ends) {
    if (!lost || lost.files === 0) continue;
    asked = true;
    call.progress.clear();
    io.err(`Not pushed from workspace ${printable(workspace)}:\n`);
    for (const line of lostLines(lost, NAMED_MAX)) io.err(`  ${printable(line)}\n`);
  }
  if (!asked) return false;
  const message = "Erase that for good?";
  if (await prompter.confirm({ message, default: false, flag: "--yes" })) return true;
  throw new CloisterError("INTERRUPTED", "cancelled", { why: "nothing was erased" });
}

function lostLines({ named, files: count }: LostFiles, max: number): readonly string[] {
  const some = named.slice(0, max).map(({ path, bytes }) => `${path}  ${formatBytes(bytes)}`);
  return count > some.length ? [...some, `and ${files(count - some.length)} more`] : some;
}

function showReceipt(page: Page, receipt: Receipt, dryRun: boolean): void {
  const { workspace, why, logEntry, inputs, pushed, lost } = receipt;
  const lived = `after ${formatDuration(receipt.livedMs)}`;
  const end = dryRun ? "nothing was erased" : logEntry === undefined ? "not on record" : log(logEntry);
  if (why === "destroyed")
    page.done(`${dryRun ? "would destroy" : "destroyed"} workspace ${workspace} ${lived}   ${end}`);
  else page.done(`${dryRun ? "would forget" : "forgot"} workspace ${workspace}, ${why} ${lived}   ${end}`);
  page.fields([
    ["label", labelOf(receipt)],
    ["inputs", inputs.length > 0 ? inputs.join(" ") : undefined],
    ["runs", String(receipt.runs)],
    ["pushed", pushed.length > 0 ? pushed.join(" ") : "nothing"],
    ["lost", lostText(receipt)],
    ...lostRows(page, lost),
    ["erased", dryRun ? undefined : receipt.erased],
  ]);
}

function lostText({ lost, why, logEntry }: Receipt): string {
  if (!lost) return why === "destroyed" ? "unknown: nobody could look" : "unknown: it was gone already";
  const unsure = lost.complete ? "" : ", or less: there was too much to look at all of it";
  const asked = logEntry === undefined ? "   (asks first, or takes --yes)" : "";
  return lost.files === 0 ? "nothing" : `${files(lost.files)}, ${formatBytes(lost.bytes)}${unsure}${asked}`;
}

/** People see the first few; a pipe gets all that are named, each with its digest. */
function lostRows(page: Page, lost: Receipt["lost"]): readonly Row[] {
  if (!lost) return [];
  if (page.tty) return lostLines(lost, NAMED_MAX).map((line): Row => ["", line]);
  return lost.named.map(({ path, bytes, sha256 }): Row => ["file", `${sha256 ?? "-"} ${String(bytes)} ${path}`]);
}

function workspaces(count: number): string {
  return count === 1 ? "1 workspace" : `${String(count)} workspaces`;
}
