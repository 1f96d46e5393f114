import { statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { Pushed, PushOptions, VersionDetail } from "../../index.ts";
import type { Call } from "../call.ts";
import { showChecks } from "../checks.ts";
import { exitOf } from "../exit-codes.ts";
import { Page, print, type Row, warn } from "../output.ts";
import { showRuns } from "../run-words.ts";
import { showDocument, showStatements } from "../statement-words.ts";
import { files, log, minutesUtc, shellLine } from "../words.ts";

const KINDS = ["dataset", "model", "code", "report"] as const;

export async function push(call: Call): Promise<undefined> {
  const { flags, args } = call;
  const path = args[0] ?? "";
  const source: PushOptions["source"] = path === "-" ? standardInput(call) : { path };
  // Before any question: without a project there is nothing to ask for.
  const project = await call.project();
  const options: PushOptions = {
    source,
    name: flags.text("name") ?? (await askName(call, path)),
    kind: flags.choice("kind", KINDS),
    class: flags.text("class"),
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    owner: flags.text("owner"),
    licence: flags.text("licence") ?? flags.text("license"),
    justification: flags.text("why"),
    from: flags.text("from"),
    bases: flags.list("base"),
    reread: flags.on("reread"),
    dryRun: flags.on("dryRun"),
  };
  const pushed = await project.push(options);
  call.progress.clear();
  print(call, "push", pushed, (page) => showPushed(page, pushed));
}

function standardInput(call: Call): PushOptions["source"] {
  const { io } = call.context;
  if (call.flags.text("from") !== undefined) {
    throw new CloisterError("USAGE", "- cannot be combined with --from", {
      why: "--from takes a path inside the workspace",
      next: "cloister push PATH --from WORKSPACE",
    });
  }
  if (io.inIsTty) {
    throw new CloisterError("USAGE", "standard input is a terminal: there is nothing to store", {
      next: "tar c data | cloister push - --name NAME",
    });
  }
  return { stream: io.stdin };
}

async function askName(call: Call, path: string): Promise<string> {
  const suggested = basename(resolve(call.context.cwd, path))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "");
  return await call.context.prompter.input({ message: "Artifact name:", default: suggested, flag: "--name" });
}

function showPushed(page: Page, pushed: Pushed): void {
  const klass = `class ${pushed.class} (${classFrom(pushed.classFrom)})`;
  if (pushed.dryRun) {
    // Nothing was read yet: size, digest and number are not known.
    page.done(`would push ${pushed.reference}`);
    page.line(`  ${klass}   the policy allows it; nothing was written`);
    return;
  }
  const size = `${formatBytes(pushed.bytes)} (${formatBytes(pushed.bytesNew)} new)`;
  page.done(`pushed ${pushed.reference}  ${page.digest(pushed.digest)}  ${size}`);
  page.line(`  ${klass}   signed by ${pushed.pushedBy}   ${log(pushed.logEntry)}`);
  showReused(page, pushed);
  if (pushed.resumed) page.line("  finished a push of the same that was interrupted");
}

function showReused(page: Page, { bytesReused, bytesStored, foundIn, notSearched, bytesNew }: Pushed): void {
  if (foundIn.length > 0) {
    const where = foundIn.length > 2 ? `${String(foundIn.length)} versions` : foundIn.join(" and ");
    page.line(`  ${formatBytes(bytesReused)} found again in ${where}   ${formatBytes(bytesStored)} stored`);
  }
  // Where nothing is new, nothing would have been found there.
  for (const { reference, why } of bytesNew === 0 ? [] : notSearched)
    page.line(`  not searched: ${reference} (${why})`);
}

function classFrom(from: string): string {
  if (from === "asked") return "as asked";
  return from === "lowest class" ? from : `from ${from}`;
}

export async function show(call: Call): Promise<undefined> {
  const statement = call.flags.text("statement");
  if (statement !== undefined) return showDocument(call, call.args[0] ?? "", statement);
  const detail = await (await call.project()).show(call.args[0] ?? "");
  if (call.flags.on("patch") && !call.json) return showPatch(call, detail);
  print(call, "show", detail, (page) => {
    if (page.tty) page.line(detail.reference, page.paint.bold);
    page.fields(detailRows(page, detail));
    showStatements(page, detail);
    showInputs(page, detail);
    showRuns(page, detail.runs);
    showOrigins(page, detail);
    showFiles(page, detail);
  });
  for (const { what, why } of call.json ? [] : detail.ignored) warn(call, `ignored ${what}: ${why}`);
}

/** The patch as it was, for `git apply`. @throws CloisterError NOT_FOUND */
function showPatch(call: Call, { reference, git }: VersionDetail): undefined {
  if (git?.patch !== undefined) {
    const { io } = call.context;
    const patch = Buffer.from(git.patch, "base64");
    if (io.outIsTty) new Page(io, call.quiet).text(patch.toString("utf8"));
    else io.stdout.write(patch);
    return undefined;
  }
  const unkept = git?.patchSha256 === undefined ? "there was nothing uncommitted" : "it was too large, and only hashed";
  throw new CloisterError("NOT_FOUND", `${reference} has no patch`, {
    why: git === undefined ? "its code came from no git work tree" : unkept,
  });
}

function detailRows(page: Page, detail: VersionDetail): readonly Row[] {
  const { git } = detail;
  return [
    ["reference", page.tty ? undefined : detail.reference],
    page.digestRow(detail.digest),
    ["version", `v${String(detail.number)}`],
    ["id", detail.versionId],
    ["kind", detail.kind],
    ["class", detail.class],
    ["stage", detail.stage],
    ["tags", detail.tags.length === 0 ? undefined : detail.tags.join(", ")],
    ["retired", detail.retired && `by ${detail.retired.by}   ${log(detail.retired.logEntry)}`],
    ["held", detail.held && `under legal hold, by ${detail.held.by}   ${log(detail.held.logEntry)}`],
    ["size", `${formatBytes(detail.bytes)} in ${files(detail.files)}`],
    ["pushed", `${page.tty ? minutesUtc(detail.pushedAt) : detail.pushedAt} by ${detail.pushedBy}`],
    ["signer", detail.signer],
    ["owner", detail.owner],
    ["licence", detail.licence],
    ["purpose", detail.purpose],
    ["why", detail.justification],
    ["workspace", detail.workspace],
    ["code", git && codeText(git)],
    ["policy", `v${String(detail.policyVersion)}`],
    ["log", `#${String(detail.logEntry)}`],
  ];
}

function codeText({ commit, dirty, patch, untracked }: NonNullable<VersionDetail["git"]>): string {
  const kept = patch === undefined ? "" : " (kept: --patch)";
  const more = untracked > 0 ? ` and ${files(untracked)} that git does not track` : "";
  return `${commit}${dirty ? ` with local changes${kept}` : ""}${more}`;
}

/** What a reader must not take for the work of the runs. */
function showOrigins(page: Page, { origins }: VersionDetail): void {
  if (!origins) return;
  const { brought, broughtCount, changedSince, changedSinceCount, unfinished } = origins;
  const sentences = [
    ...(broughtCount > 0 ? [`no run wrote ${named(brought, broughtCount)}`] : []),
    ...(changedSinceCount > 0
      ? [`changed after its run, by nothing recorded: ${named(changedSince, changedSinceCount)}`]
      : []),
    ...unfinished.map(({ argv }) => `had not ended, and may have written any of it: ${shellLine(argv)}`),
  ];
  if (sentences.length > 0) page.heading("Not accounted for");
  page.list("not accounted for", sentences);
}

function named(paths: readonly string[], count: number): string {
  const shown = paths.slice(0, 5);
  return `${shown.join(", ")}${count > shown.length ? ` and ${String(count - shown.length)} more` : ""}`;
}

function showInputs(page: Page, { inputs }: VersionDetail): void {
  if (inputs.length === 0) return;
  page.heading("Inputs");
  page.table(
    ["ARTIFACT", "CLASS", "DIGEST"],
    inputs.map((input) => [...(page.tty ? [] : ["input"]), input.reference, input.class, page.digest(input.digest)]),
  );
}

const FILES_SHOWN = 20;

function showFiles(page: Page, { fileList }: VersionDetail): void {
  if (!fileList || fileList.length === 0) return;
  const shown = page.tty ? fileList.slice(0, FILES_SHOWN) : fileList;
  page.heading("Files");
  page.table(
    ["SIZE", "SHA-256", "PATH"],
    shown.map(({ path, bytes, sha256 }) =>
      page.tty ? [formatBytes(bytes), `${sha256.slice(0, 12)}…`, path] : ["file", String(bytes), sha256, path],
    ),
  );
  const more = fileList.length - shown.length;
  if (more > 0) page.line(`… and ${String(more)} more (--json lists them all)`, page.paint.dim);
}

export async function verify(call: Call): Promise<number> {
  const target = call.args[0] ?? "";
  const partial = call.flags.on("partial");
  const folder = isFolder(call, target);
  if (partial && !folder) {
    throw new CloisterError("USAGE", "--partial is for a folder", { next: "cloister verify ./FOLDER --partial" });
  }
  const verified = await (await call.project()).verify(
    folder ? { folder: target, ...(partial ? { partial } : {}) } : { reference: target },
  );
  call.progress.clear();
  const good = verified.ok && verified.checks.every(({ state }) => state !== "bad");
  print(call, "verify", verified, (page) =>
    showChecks(page, verified.checks, `${verified.target}: ${good ? "good" : "BAD, do not use it"}`, good),
  );
  return good ? 0 : exitOf("INTEGRITY");
}

function isFolder(call: Call, target: string): boolean {
  if (/^(\.{0,2}\/|\.{1,2}$)/.test(target)) return true;
  return statSync(resolve(call.context.cwd, target), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
