// `cloister demo`: the main job, end to end, on real files, in front of the audience.
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { CloisterError } from "../../base/errors.ts";
import type { Call } from "../call.ts";
import type { Context } from "../context.ts";
import { play, type Step } from "../demo/play.ts";
import { Stage } from "../demo/stage.ts";
import { exitOf } from "../exit-codes.ts";
import { Page, print } from "../output.ts";
import { PROGRAM } from "../package-files.ts";
import { shellWord } from "../words.ts";
import { wrap } from "../wrap.ts";

export async function demo(call: Call): Promise<number> {
  const { context, host, flags } = call;
  const keep = flags.text("keep");
  const scratch = await makeScratch(call, keep);
  const page = new Page(context.io, call.quiet);
  const steps: Step[] = [];
  const started = context.now();
  try {
    const { outIsTty, errIsTty, outColor } = context.io;
    const audience = { live: outIsTty && errIsTty && !call.json, color: outColor && !call.json };
    const stage = new Stage(scratch, audience, host.signal);
    const missing = await play(stage, (step) => {
      steps.push(step);
      if (!call.json) showStep(page, step, steps.length);
      if (step.exit !== step.expected) throw unexpected(step);
    });
    const seconds = (context.now() - started) / 1000;
    const kept = keep === undefined ? undefined : scratch;
    print(call, "demo", { steps: steps.map(bare), seconds, workspaces: missing === undefined, kept }, () =>
      showEnd(page, { steps, seconds, missing, kept }, context.env),
    );
    return missing === undefined ? 0 : exitOf("UNSUPPORTED_HOST");
  } finally {
    if (keep === undefined) await rm(scratch, { recursive: true, force: true });
  }
}

/** A new folder; with `--keep` the one asked for, which must not hold anything. */
async function makeScratch(call: Call, keep: string | undefined): Promise<string> {
  if (keep === undefined) return mkdtemp(join(tmpdir(), "cloister-demo-"));
  const folder = resolve(call.context.cwd, keep);
  await mkdir(folder, { recursive: true });
  if ((await readdir(folder)).length === 0) return folder;
  throw new CloisterError("USAGE", `${keep} is not empty`, { next: "--keep a folder that does not exist yet" });
}

/** What stands before everything a step shows. */
const MARGIN = "    ";

function showStep(page: Page, step: Step, number: number): void {
  const { paint } = page;
  const who = step.as === undefined ? "" : paint.dim(` (${step.as})`);
  const columns = page.columns - MARGIN.length;
  const title = wrap(paint.bold(step.title) + who, columns).join(`\n${MARGIN}`);
  // Broken as a shell takes it: the line can be copied.
  const command = wrap(shorten(step.command), columns - 4).join(` \\\n${MARGIN}  `);
  page.drawn(`\n${paint.bold(String(number).padStart(2))}  ${title}`);
  page.drawn(`${MARGIN}${paint.cyan(`$ ${command}`)}`);
  for (const line of tabled(step.output)) page.drawn(MARGIN + below(line, columns));
  if (step.expected !== 0) page.drawn(paint.dim(`${MARGIN}exit ${String(step.exit)}, as it should be`));
}

/** Lines as a person would see them: what a pipe gets separated by tabs, in columns. */
function tabled(output: string): readonly string[] {
  const lines = shorten(output)
    .split("\n")
    .filter((line) => line !== "");
  const cells = lines.map((line) => line.split("\t"));
  const width = (column: number): number =>
    Math.max(
      0,
      ...cells
        .filter((row) => row.length > column + 1)
        .map((row) => stripVTControlCharacters(row[column] ?? "").length),
    );
  return cells.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + " ".repeat(width(column) - stripVTControlCharacters(cell).length + 2),
      )
      .join(""),
  );
}

/** At most this many columns stand before the later lines of a long one. */
const INDENT_MAX = 24;

/** A line broken at `columns`; what is too long goes on under the last of its cells. */
function below(line: string, columns: number): string {
  const bare = stripVTControlCharacters(line);
  const lead = /^.*\S {2,}(?=\S)/.exec(bare.slice(0, INDENT_MAX))?.[0] ?? /^ */.exec(bare)?.[0] ?? "";
  const [first = "", ...others] = wrap(line, columns);
  if (others.length === 0) return first;
  const indent = MARGIN + " ".repeat(lead.length);
  return [first, ...wrap(others.join(" "), columns - lead.length).map((text) => indent + text)].join("\n");
}

/** A join line is long, and nobody reads it; so are digests. */
function shorten(text: string): string {
  return text
    .replace(/(cloister-join-1\.[A-Za-z0-9_-]{12})[A-Za-z0-9_-]+/g, "$1…")
    .replace(/\b([0-9a-f]{12})[0-9a-f]{52}\b/g, "$1…");
}

interface End {
  readonly steps: readonly Step[];
  readonly seconds: number;
  readonly missing: string | undefined;
  readonly kept: string | undefined;
}

function showEnd(page: Page, { steps, seconds, missing, kept }: End, env: Context["env"]): void {
  page.drawn("");
  page.done(`${String(steps.length)} steps in ${seconds.toFixed(0)} s, each a command you can type yourself`);
  if (missing !== undefined) page.refused(`without workspaces: ${missing}`);
  page.line(kept === undefined ? "  nothing was left behind (keep it with --keep DIR)" : `  kept in ${kept}`);
  const alias = [`alias cloister=${shellWord(`node ${PROGRAM}`)}`];
  if (!onPath(env)) page.hints("So that your shell finds cloister (or run npm link in its folder)", alias);
  if (kept !== undefined) page.hints("Act as Bo", [asMember(kept, "bo", "list")]);
  page.hints("Next, with your own data", ["cloister init my-project", "cloister help"]);
}

/** Whether a shell finds `cloister`. */
function onPath(env: Context["env"]): boolean {
  const folders = (env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return folders.some((folder) => existsSync(join(folder, "cloister")));
}

/** A command typed as one of the two, with their home and passphrase. */
function asMember(kept: string, name: string, command: string): string {
  const home = join(kept, "home", name);
  const settings = `HOME=${shellWord(home)} CLOISTER_PASSPHRASE_FILE=${shellWord(join(home, "passphrase"))}`;
  return `${settings} cloister -C ${shellWord(join(kept, name))} ${command}`;
}

function bare(step: Step): Step {
  return { ...step, output: stripVTControlCharacters(step.output) };
}

function unexpected({ title, command, exit, expected }: Step): CloisterError {
  return new CloisterError("FAILURE", `the demo stopped at: ${title}`, {
    why: `${command} ended with ${String(exit)} instead of ${String(expected)}`,
    next: "cloister doctor; run it again with --keep DIR and look",
  });
}
