// The demo as a play: steps in order, each with what it shows and the exit code it must end with.
import { readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { formatBytes } from "../../base/units.ts";
import { type Actor, type Outcome, Stage } from "./stage.ts";
import { copy, filesBelow, flipBit, IN_FIRST_CHUNK, searchStore } from "./tamper.ts";

/** One step, as the audience sees it. */
export interface Step {
  readonly title: string;
  /** Who types; undefined for what no member does. */
  readonly as: string | undefined;
  readonly command: string;
  readonly output: string;
  readonly exit: number;
  /** Exit code the step must end with. */
  readonly expected: number;
  readonly seconds: number;
}

type Show = (step: Step) => void;

const DATASET = "customers:2026";
const MODEL = "churn-model:1.0";
const PURPOSE = "churn-modelling";

/** Runs the whole play. @returns why workspaces were left out, where they were */
export async function play(stage: Stage, show: Show): Promise<string | undefined> {
  const ana = await stage.actor("ana");
  const bo = await stage.actor("bo");
  const act = new Act(stage, show);
  await makeProject(act, ana, bo);
  await pushData(act, stage, ana);
  const missing = await sandboxProblem(stage, bo);
  if (missing === undefined) await train(act, stage, bo);
  else await pushReport(act, stage, bo);
  const reference = missing === undefined ? MODEL : "summary:1.0";
  await receive(act, ana, reference);
  await tamper(act, ana, reference);
  const log = "The log of the real store: who did what, refusals included";
  await act.live(ana, log, ["audit", "list", "--last", "14"]);
  await act.run(ana, "And it is whole", ["audit", "verify"]);
  return missing;
}

/** Shows steps and checks that each ends as it must. */
class Act {
  readonly #stage: Stage;
  readonly #show: Show;

  constructor(stage: Stage, show: Show) {
    this.#stage = stage;
    this.#show = show;
  }

  async run(
    actor: Actor,
    title: string,
    args: readonly string[],
    { expected = 0, to, done }: { readonly expected?: number; readonly to?: string; readonly done?: string } = {},
  ): Promise<Outcome> {
    const outcome = await this.#stage.cloister(actor, args, to);
    const command = done === undefined ? outcome.command : `${outcome.command}   # ${done}`;
    return this.shown(actor.name, title, { ...outcome, command }, expected);
  }

  /** Shows the output while it comes, as the command draws it on a terminal, where there is one. */
  async live(actor: Actor, title: string, args: readonly string[]): Promise<void> {
    if (!this.#stage.live) {
      await this.run(actor, title, args);
      return;
    }
    const step = { title, as: actor.name, command: Stage.command(args), output: "", exit: 0, expected: 0, seconds: 0 };
    this.#show(step);
    const { exit, seconds } = await this.#stage.cloister(actor, args, "terminal");
    if (exit !== 0) this.#show({ ...step, exit, seconds });
  }

  shown(as: string | undefined, title: string, outcome: Outcome, expected: number): Outcome {
    const { command, exit, seconds } = outcome;
    const output = [outcome.stdout, outcome.stderr].filter((text) => text !== "").join("\n");
    this.#show({ title, as, command, output, exit, expected, seconds });
    return outcome;
  }
}

async function makeProject(act: Act, ana: Actor, bo: Actor): Promise<void> {
  await act.run(ana, "Ana makes a project for two: a signed policy, a store, a log", [
    ...["init", "--template", "demo", "--project", "churn", "--as", "ana", "--name", "Ana"],
    ...["--domain", "churn", "--purpose", PURPOSE, "--yes"],
  ]);
  const joined = await act.run(bo, "Bo asks to join: his keys are made on his side", [
    ...["join", "../ana/.cloister/store", "--as", "bo", "--name", "Bo"],
  ]);
  const line = /cloister-join-1\.[A-Za-z0-9_-]+/.exec(joined.stdout)?.[0] ?? "";
  const added = ["member", "add", line, "--role", "data-scientist", "--yes"];
  await act.run(ana, "Ana compares fingerprints and adds him: policy version 2, and his class keys", added);
}

async function pushData(act: Act, stage: Stage, ana: Actor): Promise<void> {
  const made = await stage.script(ana, "generate.mjs", ["data", "5000"]);
  act.shown("ana", "A data set: 5,000 synthetic customers, generated with a fixed seed", made, 0);
  await act.run(ana, "Ana pushes it as confidential", [
    ...["push", "data", "--name", DATASET, "--class", "confidential", "--owner", "ana", "--licence", "CC0-1.0"],
  ]);
  const row = (await readFile(join(ana.folder, "data/customers.csv"), "utf8")).split("\n")[1] ?? "";
  const words = [...row.split(",").slice(0, 2), "customers", "CC0-1.0"];
  const { objects, bytes, found } = await searchStore(join(ana.folder, ".cloister/store"), words);
  const answer = found.length === 0 ? "none of them" : `found: ${found.join(", ")}`;
  const stdout = `${String(objects)} objects, ${formatBytes(bytes)}: ${answer}`;
  const command = `grep -rF -e ${words.join(" -e ")} .cloister/store`;
  const searched = { command, exit: found.length === 0 ? 1 : 0, stdout, stderr: "", seconds: 0 };
  act.shown(undefined, "What the storage operator sees: no row, no address, no name", searched, 1);
}

/** Why workspaces cannot be sandboxed here, or undefined where they can. */
async function sandboxProblem(stage: Stage, bo: Actor): Promise<string | undefined> {
  const { stdout } = await stage.cloister(bo, ["doctor", "--json"]);
  const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; text: string; next?: string }[] };
  const sandbox = checks.find(({ name }) => name === "sandbox");
  if (sandbox?.state === "good") return undefined;
  return [sandbox?.text, sandbox?.next].filter((text) => text !== undefined).join("; ");
}

async function train(act: Act, stage: Stage, bo: Actor): Promise<void> {
  await copy(stage.template("train.mjs"), join(bo.folder, "code", "train.mjs"));
  await act.run(bo, "Bo creates a sandboxed workspace with it: no network, read-only inputs", [
    ...["workspace", "create", "w1", "--input", DATASET, "--purpose", PURPOSE, "--ttl", "1h", "--code", "code"],
  ]);
  // Without a terminal, the output has to stay in the workspace.
  const kept = stage.live ? [] : ["--keep-output"];
  await act.live(bo, "He trains a model in it", ["run", "w1", ...kept, "--seed", "7", "--", "node", "train.mjs"]);
  await act.run(
    bo,
    "He tries to take the data out: refused, and on record",
    ["run", "w1", "--", "cat", "/inputs/customers/customers.csv"],
    { expected: 125, to: "stolen.csv" },
  );
  const model = ["push", "out/model", "--from", "w1", "--name", MODEL, "--kind", "model"];
  const declared = ["--owner", "bo", "--licence", "Apache-2.0"];
  const title = "He tries to push the model below the class it inherited: refused";
  await act.run(bo, title, [...model, "--class", "internal", ...declared], { expected: 3 });
  await act.run(bo, "He pushes it as what it is, with provenance", [...model, ...declared]);
  const ending = "He ends the workspace: a receipt says what was lost with it";
  await act.run(bo, ending, ["workspace", "destroy", "w1", "--yes"]);
}

/** Where nothing can be sandboxed: something else to pull, verify and tamper with, and a refusal all the same. */
async function pushReport(act: Act, stage: Stage, bo: Actor): Promise<void> {
  const title = "Bo tries to pull the data set: refused, and on record";
  await act.run(bo, title, ["pull", DATASET, "-o", "stolen", "--purpose", PURPOSE], { expected: 3 });
  await copy(stage.template("train.mjs"), join(bo.folder, "summary", "train.mjs"));
  await act.run(bo, "He pushes his training code for review", [
    ...["push", "summary", "--name", "summary:1.0", "--kind", "code", "--class", "internal"],
  ]);
}

async function receive(act: Act, ana: Actor, reference: string): Promise<void> {
  await act.run(ana, "Ana pulls it", ["pull", reference, "-o", "model", "--purpose", PURPOSE]);
  await act.run(ana, "She verifies it: files, signature, signer, log", ["verify", "model"]);
}

async function tamper(act: Act, ana: Actor, reference: string): Promise<void> {
  const [file = ""] = (await filesBelow(join(ana.folder, "model"))).filter((path) => !path.endsWith(".sigstore.json"));
  await flipBit(file);
  await act.run(ana, "Somebody flips one bit of a file: found", ["verify", "model"], {
    expected: 6,
    done: `one bit of ${relative(ana.folder, file)} flipped`,
  });
  // A second checkout of hers, on a copy of the store that somebody altered.
  const other: Actor = { ...ana, folder: join(ana.folder, "..", "ana-tampered") };
  await copy(join(ana.folder, ".cloister"), join(other.folder, ".cloister"));
  const store = join(other.folder, ".cloister/store");
  for (const path of await filesBelow(join(store, "packs"))) await flipBit(path, IN_FIRST_CHUNK);
  await act.run(other, "Somebody flips one bit in each pack of a copy of the store: found", ["verify", reference], {
    expected: 6,
    done: "one bit of each pack flipped",
  });
  const commits = await filesBelow(join(store, "log/commit"));
  const commit = commits[Math.floor(commits.length / 2)] ?? "";
  await flipBit(commit);
  await act.run(other, "Somebody alters an entry of the log in that copy: found", ["audit", "verify"], {
    expected: 6,
    done: `one bit of log/commit/${basename(commit)} flipped`,
  });
}
