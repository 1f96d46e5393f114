// Runs as `show` and `ws show` print them.
import { formatBytes } from "../base/units.ts";
import type { RunSummary } from "../index.ts";
import { limitReached } from "./limit-words.ts";
import type { Page } from "./output.ts";
import { files, shellLine, took } from "./words.ts";

/** Of a list that belongs to one run. */
const SHOWN = 5;

/** What stands for so many of a list. */
interface Named {
  readonly text: string;
  readonly count: number;
}

const PARTS: Readonly<Record<string, string>> = {
  wrote: "wrote files of this",
  read: "wrote what a later run read",
  "could-have-been-read": "wrote what a later run could have read",
};

/** Each run with what it left, and what it read where that was traced. */
export function showRuns(page: Page, runs: readonly RunSummary[]): void {
  if (runs.length === 0) return;
  page.heading("Runs");
  for (const run of runs) {
    const command = `${shellLine(run.argv)}  (${endOf(run)})`;
    if (!page.tty) page.fields([["run", command]]);
    else page.line(`  ${command}`);
    for (const [label, text] of linesOf(run)) {
      if (page.tty) page.line(`    ${label} ${text}`, page.paint.dim);
      else page.fields([[`run ${label}`, text]]);
    }
  }
}

/** `exit 0, 12.3 s`; a signal by its name, a limit with its value. */
function endOf({ exit, seconds, signal, stoppedBy }: RunSummary): string {
  if (exit === undefined || seconds === undefined) return "not ended, or its end was not recorded";
  const by = stoppedBy ? limitReached(stoppedBy) : signal;
  return `exit ${String(exit)}${by === undefined ? "" : ` (${by})`}, ${took(seconds)}`;
}

function linesOf({
  outputs,
  locks,
  software,
  reads,
  network,
  part,
}: RunSummary): readonly (readonly [string, string])[] {
  const lines: [string, string | undefined][] = [
    ["why", part && PARTS[part]],
    ["wrote", outputs && written(outputs)],
    ["deleted", outputs && some(outputs.deleted, outputs.deletedCount)],
    [
      "locks",
      locks &&
        some(
          locks.map(({ path }) => path),
          locks.length,
        ),
    ],
    [
      "software",
      software && `${String(software.split("\n").length - 1)} packages and interpreters (--json lists them)`,
    ],
    ["opened", reads && opened(reads.inputs)],
    ["undeclared", reads && someNamed(byFolder(reads.undeclared), reads.undeclaredCount)],
    ["refused", network && hosts(network)],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== undefined);
}

function written(outputs: NonNullable<RunSummary["outputs"]>): string | undefined {
  if (!outputs.known) return "unknown: the workspace held too much, or folders nobody can look into";
  const listed = outputs.files.map(({ path, bytes }) => `${path} (${formatBytes(bytes)})`);
  const beside = outputs.elsewhere > 0 ? [`${files(outputs.elsewhere)} beside /workspace`] : [];
  const below = some(listed, outputs.count);
  return [...(below === undefined ? [] : [below]), ...beside].join("; ") || undefined;
}

function opened(inputs: NonNullable<RunSummary["reads"]>["inputs"]): string | undefined {
  const each = Object.entries(inputs).map(([name, count]) =>
    count === 0 ? `${name} (never opened)` : `${name} (${files(count)})`,
  );
  return each.length === 0 ? undefined : each.join(", ");
}

function hosts(network: NonNullable<RunSummary["network"]>): string | undefined {
  const refused = network.decisions.flatMap(({ host, port, allowed }) => (allowed ? [] : [`${host}:${String(port)}`]));
  return some(refused, refused.length);
}

/** Parts of a path that stay where many are named by their folder: `/home/user/venv`. */
const FOLDER_PARTS = 3;

/** Each path where they are few; else the folders they are in, so that an environment is one word and not its files. */
function byFolder(paths: readonly string[]): readonly Named[] {
  if (paths.length <= SHOWN) return paths.map((path) => ({ text: path, count: 1 }));
  const counts = new Map<string, number>();
  for (const path of paths) {
    const folder = path
      .split("/")
      .slice(0, FOLDER_PARTS + 1)
      .join("/");
    counts.set(folder, (counts.get(folder) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => ({ text: count === 1 ? text : `${text}/ (${files(count)})`, count }));
}

function some(texts: readonly string[], count: number): string | undefined {
  return someNamed(
    texts.map((text) => ({ text, count: 1 })),
    count,
  );
}

function someNamed(named: readonly Named[], count: number): string | undefined {
  if (count === 0) return undefined;
  const shown = named.slice(0, SHOWN);
  const more = count - shown.reduce((sum, each) => sum + each.count, 0);
  return [...shown.map(({ text }) => text), ...(more > 0 ? [`and ${String(more)} more`] : [])].join(", ");
}
