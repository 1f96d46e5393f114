// Pushing and pulling beside restic, borg, rclone crypt and age, as ratios of medians in one run, taking turns (A B C, A B C,
// …), with what the machine could do at best beside them. Sources lie in the page cache; before each command what the one
// before left to be written is written. Each fresh push goes to an empty repository.
//
// Usage: npm run bench:content -- [--size 2G] [--files 20000] [--turns 3] [--peers restic,borg,rclone,age] [--only large,small]
//                                 [--million] [--folder DIR] [--json]
// Needs about six times the size free in DIR (a temporary folder), and twice the size in /dev/shm.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { contenders, peerNames, placeFor } from "./content/contenders.mjs";
import { bytesIn, canMeasure, interrupt, measure } from "./content/measure.mjs";
import { print, printMemory, summary } from "./content/report.mjs";
import { CEILINGS, STEPS, workloads } from "./content/workloads.mjs";

const THREADS_MAX = 4;
const MEMORY_FOLDER = "/dev/shm";
const { values: flags } = parseArgs({
  options: {
    size: { type: "string", default: "2G" },
    files: { type: "string", default: "20000" },
    turns: { type: "string", default: "3" },
    peers: { type: "string", default: peerNames.join(",") },
    only: { type: "string" },
    million: { type: "boolean", default: false },
    folder: { type: "string", default: tmpdir() },
    json: { type: "boolean", default: false },
  },
});
const say = (text) => console.error(text);
const threads = Math.min(availableParallelism(), THREADS_MAX);
const work = mkdtempSync(join(flags.folder, "cloister-bench-content-"));
const inMemory = existsSync(MEMORY_FOLDER) ? mkdtempSync(join(MEMORY_FOLDER, "cloister-bench-content-")) : undefined;
const log = join(work, "time");
let places = 0;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupt);

async function bench() {
  if (!canMeasure) say("skipped: peak memory and CPU (apt-get install time)");
  const all = contenders(flags.peers.split(",").filter(Boolean), say);
  const known = workloads(sizeOf(flags.size), Number(flags.files));
  const only = flags.only?.split(",");
  const unknown = (only ?? []).filter((name) => !known.some((workload) => workload.name === name));
  if (unknown.length > 0) throw new Error(`no such workload: ${unknown.join(", ")}`);
  const wanted = known.filter(({ name, onlyWhenAsked }) => only?.includes(name) ?? (!onlyWhenAsked || flags.million));
  if (!flags.json) console.log(`${cpus()[0].model.trim()}, ${threads} threads; medians of ${flags.turns} turns`);
  const found = [];
  for (const workload of wanted) found.push(...(await runWorkload(workload, all)));
  if (flags.json) console.log(JSON.stringify({ threads, turns: Number(flags.turns), found }, undefined, 2));
  else printMemory(found);
}

function sizeOf(text) {
  const [, number, unit] = /^(\d+)([KMG])$/.exec(text) ?? [];
  if (!number) throw new Error(`--size is a number and K, M or G, not ${text}`);
  return Number(number) * 1024 ** (1 + "KMG".indexOf(unit));
}

/** All steps of a workload, each in turns; the repositories of the last fresh push serve the steps after it. */
async function runWorkload(workload, all) {
  if (workload.inMemory && !inMemory) {
    say(`skipped: ${workload.title} (no ${MEMORY_FOLDER})`);
    return [];
  }
  const stores = workload.inMemory ? inMemory : work;
  const sources = join(work, "source");
  mkdirSync(sources);
  const source = workload.make(sources);
  const kept = new Map();
  const context = { workload, source, stores, kept, turns: workload.turns ?? Number(flags.turns) };
  const found = [];
  for (const step of Object.keys(workload.steps)) {
    const summed = summary(workload, step, await runStep(step, all, context));
    if (!flags.json) print(summed);
    found.push(summed);
  }
  for (const at of kept.values()) at.remove();
  rmSync(sources, { recursive: true });
  return found;
}

async function runStep(step, all, context) {
  const able = all.filter((contender) => step in contender);
  const measured = new Map(able.map(({ name }) => [name, []]));
  // What programs remember of files must be older than this: the first time only fills it.
  if (step === "again") for (const contender of able) await turns[step](contender, context);
  for (let turn = 0; turn < context.turns; turn++) {
    for (const contender of able) {
      say(`${STEPS[step]}, turn ${turn + 1}: ${contender.name}`);
      measured.get(contender.name).push(await turns[step](contender, context));
    }
    if (step === "push")
      for (const [name, seconds] of ceilings(context.workload)) {
        measured.set(name, [...(measured.get(name) ?? []), { seconds }]);
      }
  }
  return measured;
}

const turns = {
  async push(contender, { workload, source, stores, kept }) {
    kept.get(contender.name)?.remove();
    const at = placeFor(contender, stores, stores, places++);
    kept.set(contender.name, at);
    const found = await timed(contender.push(at, source, workload.isFile), source);
    return { ...found, stored: bytesIn(at.store) };
  },
  async pull(contender, { workload, source, kept }) {
    const to = join(work, "pulled");
    const found = await timed(contender.pull(kept.get(contender.name), source, to, workload.isFile), source);
    const lands = contender.lands(to, source, workload.isFile);
    const bytes = existsSync(lands) ? bytesIn(lands) : 0;
    if (bytes < workload.bytes) throw new Error(`${contender.name} pulled ${bytes} bytes to ${lands}`);
    rmSync(to, { recursive: true });
    return found;
  },
  again: (contender, { source, kept }) => timed(contender.again(kept.get(contender.name), source), source),
  rehash(contender, { source, kept }) {
    touch(source);
    return timed(contender.rehash(kept.get(contender.name), source), source);
  },
};

/** One command on a quiet disk, with its source in memory. */
async function timed({ argv, cwd, env }, source) {
  spawnSync("sync", ["-f", work]);
  spawnSync("sh", ["-c", 'find "$1" -type f -exec cat {} + > /dev/null', "sh", source]);
  return measure(argv, { cwd, env, log });
}

function touch(path) {
  const now = new Date();
  if (statSync(path).isDirectory()) for (const name of readdirSync(path)) touch(join(path, name));
  else utimesSync(path, now, now);
}

function ceilings(workload) {
  const script = fileURLToPath(new URL("content/ceiling.mjs", import.meta.url));
  const of = (hashes) => {
    const argv = [script, String(workload.bytes), String(threads), String(hashes)];
    const { status, stdout, stderr } = spawnSync(process.execPath, argv);
    if (status !== 0) throw new Error(`the ceiling fell: ${stderr.toString()}`);
    return Number(stdout.toString());
  };
  return CEILINGS.map(({ name, hashes }) => [name, of(hashes)]);
}

try {
  await bench();
} catch (error) {
  say(error.message);
  process.exitCode = 1;
} finally {
  for (const folder of [work, inMemory]) if (folder) rmSync(folder, { recursive: true, force: true });
}
