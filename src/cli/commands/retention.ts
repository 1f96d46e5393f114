import { CloisterError } from "../../base/errors.ts";
import type { DueVersion, Ended, EndOptions, VersionsPruned } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Cell, type Page, print, warn } from "../output.ts";
import { log, minutes } from "../words.ts";

function options({ args, flags }: Call): EndOptions {
  return { reference: args[0] ?? "", justification: flags.text("why"), dryRun: flags.on("dryRun") };
}

export async function retire(call: Call): Promise<undefined> {
  showEnded(call, await (await call.project()).retireVersion(options(call)));
}

export async function restore(call: Call): Promise<undefined> {
  showEnded(call, await (await call.project()).restoreVersion(options(call)));
}

export async function hold(call: Call): Promise<undefined> {
  const release = call.flags.on("release");
  showEnded(call, await (await call.project()).holdVersion({ ...options(call), release }));
}

const WORDS: Readonly<Record<Ended["done"], readonly [string, string]>> = {
  retired: ["retired", "nobody pulls or mounts it from here on; it can be restored"],
  restored: ["restored", "it is in use again"],
  held: ["under legal hold:", "its keys are not destroyed until the hold is lifted"],
  released: ["no more under legal hold:", "its keys can be destroyed once it is retired"],
};

function showEnded(call: Call, ended: Ended): void {
  print(call, "version-ended", ended, (page) => {
    const [verb, meaning] = WORDS[ended.done];
    page.done(`${ended.dryRun ? "would be " : ""}${verb} ${ended.reference}   class ${ended.class}`);
    page.line(
      `  ${ended.dryRun ? "the policy allows it; nothing was written" : `${meaning}   ${log(ended.logEntry)}`}`,
    );
  });
}

export async function shred(call: Call): Promise<undefined> {
  const { flags, context } = call;
  const project = await call.project();
  const dryRun = flags.on("dryRun");
  if (!dryRun && !flags.on("yes")) {
    // Before the question: a version that is not there or in use, a refusal of the policy.
    const { reference } = await project.shredVersion({ ...options(call), dryRun: true });
    const message = `Destroy the keys of ${reference} for everybody? This cannot be undone.`;
    await confirmed(context.prompter.confirm({ message, default: false, flag: "--yes" }), "nothing was destroyed");
  }
  const shredded = await project.shredVersion(options(call));
  print(call, "version-shredded", shredded, (page) => {
    const { reference, deleted, newerVersions, resumed, logEntry } = shredded;
    page.done(`${dryRun ? "would destroy" : "destroyed"} the keys of ${reference}   class ${shredded.class}`);
    if (dryRun) return page.line("  the policy allows it; nothing was deleted");
    const objects = deleted === 1 ? "1 object" : `${String(deleted)} objects`;
    page.line(`  ${objects} deleted${resumed ? ", going on from an earlier attempt" : ""}   ${log(logEntry)}`);
    page.line("  copies that were pulled, exported or shared stay, and so do backups of the store");
    if (newerVersions === 0) return;
    page.line("  content that newer versions of it still use stays readable in these");
  });
}

async function confirmed(answer: Promise<boolean>, why: string): Promise<void> {
  if (!(await answer)) throw new CloisterError("INTERRUPTED", "cancelled", { why });
}

export async function prune(call: Call): Promise<undefined> {
  const { flags, context } = call;
  const project = await call.project();
  const plan = await project.pruneVersions({ dryRun: true });
  if (flags.on("dryRun") || plan.due.length === 0) return showDue(call, plan);
  if (!flags.on("yes")) {
    if (!call.json) showTable(call, plan.due);
    const message = `${doing(plan.due)} ${count(plan.due.length)}?`;
    await confirmed(context.prompter.confirm({ message, default: false, flag: "--yes" }), "nothing was ended");
  }
  // Just what was shown: more may have become due meanwhile.
  const done = await project.pruneVersions({ only: plan.due.map(({ versionId }) => versionId) });
  print(call, "versions-pruned", done, (page) => {
    page.done(`retired ${String(done.retired.length)}, destroyed the keys of ${String(done.shredded.length)}`);
  });
  for (const { reference, versionId, why } of call.json ? [] : done.left) {
    warn(call, `left ${reference ?? versionId.slice(0, 12)}: ${why}`);
  }
}

function doing(due: readonly DueVersion[]): string {
  return due.some(({ what }) => what === "shred-keys") ? "Retire and destroy the keys of" : "Retire";
}

function count(versions: number): string {
  return versions === 1 ? "1 version" : `${String(versions)} versions`;
}

function showDue(call: Call, plan: VersionsPruned): undefined {
  print(call, "versions-pruned", plan, (page) => {
    if (plan.due.length > 0) showRows(page, plan.due);
    else if (page.tty && !page.quiet) page.line("nothing is past its time", page.paint.dim);
  });
}

function showTable(call: Call, due: readonly DueVersion[]): void {
  // Beside the question, not among results.
  for (const each of due) warn(call, `${nameOf(each)}   due ${minutes(each.dueAt)} UTC   ${stateOf(each)}`);
}

function showRows(page: Page, due: readonly DueVersion[]): void {
  const rows = due.map((each): readonly Cell[] => {
    const at = (text: string) => (page.tty ? minutes(text) : text);
    return [
      nameOf(each),
      each.class,
      each.stage ?? "-",
      at(each.since),
      at(each.dueAt),
      String(each.line),
      stateOf(each),
    ];
  });
  page.table(["ARTIFACT", "CLASS", "STAGE", "SINCE (UTC)", "DUE (UTC)", "LINE", "WHAT"], rows, ["LINE", "SINCE (UTC)"]);
}

function nameOf({ reference, domain, number, versionId }: DueVersion): string {
  return reference ?? `${domain}/(version ${versionId.slice(0, 12)}):v${String(number)}`;
}

function stateOf({ what, retired, held }: DueVersion): string {
  const end = what === "retire" ? "retire" : retired ? "destroy its keys" : "retire, destroy its keys";
  return held ? `${end} (kept: legal hold)` : end;
}
