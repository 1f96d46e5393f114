// Fetching a version, or some of its files.
import { relative } from "node:path";
import { CloisterError } from "../../base/errors.ts";
import { parseReference } from "../../base/name.ts";
import { formatBytes } from "../../base/units.ts";
import type { Pulled, PullOptions } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print } from "../output.ts";
import { files, log, minutesUtc, shellWord } from "../words.ts";

export async function pull(call: Call): Promise<undefined> {
  const { flags, args, context } = call;
  const reference = args[0] ?? "";
  if (await isShare(call, reference)) {
    refuseSelection(call, "a share is opened as a whole", `cloister pull ${shellWord(reference)}`);
    return (await import("./share.ts")).pullShare(call, reference);
  }
  const place = flags.text("output");
  const toStream = place === "-";
  const select = selectionOf(call);
  const onePath = select.paths.length === 1 && select.include.length + select.exclude.length === 0;
  const options: PullOptions = {
    reference,
    select,
    output: toStream
      ? standardOutput(call)
      : onePath
        ? { copy: place }
        : { folder: place ?? `./${parseReference(reference).name}` },
    purpose: flags.text("purpose", "CLOISTER_PURPOSE"),
    justification: flags.text("why"),
    dryRun: flags.on("dryRun"),
  };
  const pulled = await (await call.project()).pull(options);
  call.progress.clear();
  if (!toStream) print(call, "pull", pulled, (page) => showPulled(page, pulled, context.cwd));
  else if (!call.quiet && !context.io.readerGone())
    context.io.err(
      `cloister: pulled ${pulled.partial ? "part of " : ""}${pulled.reference}  ${log(pulled.pullEntry)}\n`,
    );
}

/** For what has no parts to choose from. @throws CloisterError USAGE */
function refuseSelection(call: Call, why: string, next: string): void {
  const { paths, include, exclude } = selectionOf(call);
  const given = paths.length > 0 ? "paths" : include.length > 0 ? "--include" : "--exclude";
  if (paths.length + include.length + exclude.length === 0) return;
  throw new CloisterError("USAGE", `${given} cannot be given here`, { why, next });
}

/** What stands after the reference, and the patterns. */
export function selectionOf({ args, flags }: Call) {
  return { paths: args.slice(1), include: flags.list("include"), exclude: flags.list("exclude") };
}

/** A file of that name that begins as a share does; or a path, or what shares are called, which no reference is. */
async function isShare(call: Call, given: string): Promise<boolean> {
  return (
    /^\.{0,2}\/|\.cloister\.age$/.test(given) || (await (await call.context.library()).isShareFile(call.host, given))
  );
}

function standardOutput(call: Call): PullOptions["output"] {
  const { io } = call.context;
  if (call.json) {
    throw new CloisterError("USAGE", "--json and -o - both want standard output", { next: "leave one of them out" });
  }
  if (io.outIsTty) {
    throw new CloisterError("USAGE", "an artifact is not written to a terminal", {
      next: `cloister pull ${shellWord(call.args[0] ?? "")} -o - > FILE`,
    });
  }
  return { stream: io.stdout };
}

function showPulled(page: Page, pulled: Pulled, cwd: string): void {
  const { partial } = pulled;
  const size = `${formatBytes(pulled.bytes)} in ${files(pulled.files)}`;
  const verb = pulled.dryRun ? "would pull" : "pulled";
  const what = partial ? "part of " : "";
  const place = shortPath(cwd, pulled.folder ?? pulled.file ?? "");
  page.done(`${verb} ${what}${pulled.reference}  ${page.digest(pulled.digest)}  ${size}  to ${place}`);
  if (partial) {
    const check = pulled.folder === undefined ? "" : "   (verify it with --partial)";
    page.line(`  left out: ${formatBytes(partial.bytes)} in ${files(partial.files)}${check}`);
  }
  const end = pulled.dryRun ? "nothing was written" : log(pulled.pullEntry);
  if (pulled.via !== undefined) page.line(`  ${pulled.via} leads to it now`);
  page.line(`  class ${pulled.class}   pushed by ${pulled.pushedBy} ${minutesUtc(pulled.pushedAt)}   ${end}`);
}

/** As it was probably typed: relative to where we are, if it lies below. */
function shortPath(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below === "" || below.startsWith("..") ? path : `./${below}`;
}
