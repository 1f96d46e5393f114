import { CloisterError } from "../../base/errors.ts";
import { formatBytes } from "../../base/units.ts";
import type { ListedVersion, VersionSummary } from "../../index.ts";
import type { Call } from "../call.ts";
import { type Page, print, warn } from "../output.ts";
import { log, minutes, shellWord } from "../words.ts";

/** Versions; or, where one version is named, its files. */
export async function list(call: Call): Promise<undefined> {
  const [given] = call.args;
  if (given !== undefined && isVersion(given)) return (await import("./artifact-files.ts")).listFiles(call, given);
  const { args, flags } = call;
  if (args.length > 1 || flags.list("include").length + flags.list("exclude").length > 0) {
    throw new CloisterError("USAGE", "files of which version?", {
      why: given === undefined ? "no artifact was named" : `${given} names an artifact with all its versions`,
      next: `cloister list ${shellWord(given ?? "NAME")}:latest`,
    });
  }
  const all = call.flags.on("all");
  const listing = await (await call.project()).list({ name: call.args[0], all });
  const staged = listing.versions.some(({ stage }) => stage !== undefined);
  const more = [...(staged ? ["STAGE"] : []), ...(all ? ["STATE"] : [])];
  print(call, "list", listing, (page) => {
    const rows = listing.versions.map((version) => [
      ...listRow(page, version),
      ...(staged ? [version.stage ?? ""] : []),
      ...(all ? [stateOf(version)] : []),
    ]);
    page.table(["ARTIFACT", "CLASS", "KIND", "SIZE", "BY", "PUSHED (UTC)", "DIGEST", ...more], rows, [
      "DIGEST",
      "KIND",
    ]);
    if (page.tty && listing.versions.length === 0 && call.args.length === 0 && !page.quiet) {
      page.line("nothing to list yet: cloister push PATH --name NAME", page.paint.dim);
    }
  });
  if (call.json) return;
  const [name] = call.args;
  if (name !== undefined && listing.versions.length === 0 && !call.quiet) {
    warn(call, `there is no artifact ${name} that you can read (cloister list shows those there are)`);
  }
  for (const { where, count, why } of call.quiet ? [] : listing.hidden) {
    warn(
      call,
      `${String(count)} more in ${where}, ${why === undefined ? "for which you hold no key" : `hidden: ${why}`}`,
    );
  }
  for (const { what, by, logEntry } of listing.shredded)
    warn(call, `${what}: its keys were destroyed by ${by} (${log(logEntry)})`);
  for (const { what, why } of listing.ignored) warn(call, `ignored ${what}: ${why}`);
}

/** `name:label`, `name:v3`, `name:latest` and `name@sha256:…`. */
function isVersion(given: string): boolean {
  return /[:@]/.test(given);
}

function stateOf({ retired, held }: ListedVersion): string {
  const states = [...(retired ? [`retired by ${retired.by}`] : []), ...(held ? ["legal hold"] : [])];
  return states.join(", ") || "in use";
}

function listRow(page: Page, version: VersionSummary): readonly string[] {
  const { reference, kind, bytes, pushedBy, pushedAt, digest } = version;
  const size = page.tty ? formatBytes(bytes) : String(bytes);
  const time = page.tty ? minutes(pushedAt) : pushedAt;
  return [reference, version.class, kind, size, pushedBy, time, page.digest(digest)];
}
