import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { Copied, Synced } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print, warn } from "../output.ts";
import { files, log, shellWord } from "../words.ts";
import { onlyWorkspace } from "./run.ts";

/** Paths of one kind that a person is shown; programs get all. */
const SHOWN_MAX = 10;

export async function sync(call: Call): Promise<undefined> {
  const { args, flags } = call;
  const project = await call.project();
  const workspace = args[0] ?? (await onlyWorkspace(project, (name) => `cloister ws sync ${name}`));
  const synced = await project.syncWorkspace({
    workspace,
    code: flags.text("code"),
    delete: flags.on("delete"),
    force: flags.on("force"),
    dryRun: flags.on("dryRun"),
  });
  call.progress.clear();
  print(call, "workspace-sync", synced, (page) => showSync(page, synced));
  if (!call.json && !call.quiet && synced.kept.length > 0) {
    warn(call, `${changed(synced.kept.length)} inside and left alone; --force takes the folder's`);
  }
}

function changed(count: number): string {
  return `${files(count)} ${count === 1 ? "was" : "were"} changed`;
}

function showSync(page: Page, synced: Synced): void {
  const { added, updated, removed, kept, unchanged, bytes, folder, commit, dirty, dryRun } = synced;
  const count = added.length + updated.length;
  const verb = dryRun ? "would bring" : "brought";
  const end = dryRun ? "nothing was written" : log(synced.logEntry);
  const nothing = count + removed.length + kept.length === 0;
  if (nothing) page.done(`workspace ${synced.workspace} has this code already   ${end}`);
  else page.done(`${verb} ${files(count)} into workspace ${synced.workspace} (${formatBytes(bytes)})   ${end}`);
  if (page.tty) {
    page.line(`  from ${folder}${commit ? `   commit ${commit.slice(0, 12)}${dirty ? " with changes" : ""}` : ""}`);
    page.line(`  ${String(unchanged)} unchanged`);
  }
  for (const [label, paths] of Object.entries({ added, updated, removed, kept })) {
    const shown = page.tty ? paths.slice(0, SHOWN_MAX) : paths;
    for (const path of shown) page.fields([[label, path]]);
    if (shown.length < paths.length) page.line(`  and ${String(paths.length - shown.length)} more ${label}`);
  }
}

export async function copy(call: Call): Promise<undefined> {
  const [from = "", to = ""] = call.args;
  const force = call.flags.on("force");
  const [inside, target] = [placeOf(from), placeOf(to)];
  if (inside && !target) return await copyOut(call, inside, to, force);
  if (!target || inside) throw unclear(from, to, inside !== undefined);
  if (from === "-") {
    throw new CloisterError("USAGE", "standard input has no size to copy", {
      next: `cloister run ${target.workspace} -- sh -c ${shellWord(`cat > ${shellWord(target.path)}`)}`,
    });
  }
  const copied = await (await call.project()).copyIn({ workspace: target.workspace, from, to: target.path, force });
  call.progress.clear();
  print(call, "workspace-copy", copied, (page) => showCopy(page, copied));
}

async function copyOut(call: Call, from: Place, to: string, force: boolean): Promise<undefined> {
  const { io } = call.context;
  if (to === "-" && call.json) {
    throw new CloisterError("USAGE", "--json and - both want standard output", { next: "copy it to a file" });
  }
  const options = { workspace: from.workspace, from: from.path, to: to === "-" ? io.stdout : to, force };
  const copied = await (await call.project()).copyOut(options);
  call.progress.clear();
  if (to !== "-") print(call, "workspace-copy", copied, (page) => showCopy(page, copied));
}

interface Place {
  readonly workspace: string;
  readonly path: string;
}

/** `NAME:PATH`; a path of this machine that looks so is written with `./` before it. */
function placeOf(text: string): Place | undefined {
  const match = /^([a-z0-9][a-z0-9._-]*):(.*)$/s.exec(text);
  return match ? { workspace: match[1] ?? "", path: match[2] ?? "" } : undefined;
}

function showCopy(page: Page, copied: Copied): void {
  const { direction, from, to, bytes, workspace } = copied;
  const way = direction === "in" ? `${from} to ${workspace}:${to}` : `${workspace}:${from} to ${to}`;
  page.done(`copied ${way}   ${files(copied.files)}, ${formatBytes(bytes)}   ${log(copied.logEntry)}`);
  if (copied.class && page.tty) page.line(`  class ${copied.class}, which a push from there keeps`);
}

function unclear(from: string, to: string, both: boolean): CloisterError {
  return new CloisterError("USAGE", both ? "both sides are in a workspace" : "neither side is in a workspace", {
    why: "one side is a path of this machine, the other WORKSPACE:PATH",
    next: both
      ? `cloister ws cp ${shellWord(from)} FILE`
      : `cloister ws cp ${shellWord(from)} WORKSPACE:${shellWord(to)}`,
  });
}
