// Many workspaces made, used and destroyed while their commands, their holders and their sandboxes are killed at random;
// then what of them is left on the machine. It runs in process, mount and network namespaces of its own, so that
// everything it sees there is its own doing. Prints one line of JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { hostOf, library } from "./host.mjs";

const [, , folder = "", cycles = "0"] = process.argv;
const SETTLE_MS = 10_000;
const KINDS = { holder: /\0holder\0/, sandbox: /^[^\0]*\/bwrap\0/ };
/** So much of a workspace's id is in the name of its control group. */
const CGROUP_ID_LENGTH = 16;
/** Commands that work at the same time. */
const AT_ONCE = 2;
const host = hostOf(folder);
const { create, open } = await import(library("index.js"));

await makeProject();
const before = snapshot();
const seen = { began: 0, ended: 0, failed: [], kills: { command: 0, holder: 0, sandbox: 0 } };
const work = async () => {
  while (seen.began < Number(cycles)) await stretch();
};
await Promise.all(Array.from({ length: AT_ONCE }, work));
// What the last of them left is tidied up by the next, as ever.
const project = await open(host, { folder: host.cwd });
const states = (await project.listWorkspaces()).map(({ state }) => state);
for (const { name } of await project.listWorkspaces()) await project.destroyWorkspace(name, { discard: true });
await project.pruneWorkspaces({});
let after = snapshot();
for (const end = Date.now() + SETTLE_MS; Date.now() < end && differs(after); after = snapshot()) await sleep(50);
const { ok } = await project.verifyAudit();
process.stdout.write(`${JSON.stringify({ ...seen, states, before, after, logOk: ok, ...(await ledgerSays()) })}\n`);

async function makeProject() {
  const common = { folder: ".", store: "../store", template: "solo", project: "churn", member: "ana", name: "Ana" };
  await create(host, { ...common, domain: "churn", purpose: "modelling" });
  for (const [path, text] of [
    ["data/rows.csv", "1,2\n"],
    ["code/train.sh", "mkdir -p out && echo weights > out/model\n"],
  ]) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const opened = await open(host, { folder: host.cwd });
  await opened.push({ source: { path: join(folder, "data") }, name: "cohort", class: "internal" });
}

/** One process that works, and at some moment after it began perhaps somebody who kills. */
async function stretch() {
  const worker = spawn(process.execPath, [join(import.meta.dirname, "worker.mjs"), folder, "8"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(worker, "close");
  const lines = createInterface({ input: worker.stdout });
  const began = once(lines, "line");
  lines.on("line", (line) => {
    if (line === "began") seen.began++;
    else if (line === "ended") seen.ended++;
    else seen.failed.push(line);
  });
  await Promise.race([began, closed]);
  await sleep(Math.random() * 1500);
  const what = ["command", "command", "holder", "sandbox"][Math.floor(Math.random() * 4)];
  while (worker.exitCode === null && !kill(worker, what)) await sleep(2);
  await closed;
}

/** False where there is nobody of that kind at the moment. */
function kill(worker, what) {
  const found = what === "command" ? [worker] : running().filter(({ command }) => KINDS[what].test(command));
  const victim = found[Math.floor(Math.random() * found.length)];
  if (!victim) return false;
  seen.kills[what]++;
  try {
    process.kill(victim.pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
  return true;
}

function running() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "latin1");
        const state = /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "latin1"))?.[1];
        return [{ pid: Number(pid), command, state }];
      } catch {
        return [];
      }
    });
}

function snapshot() {
  const lines = (path) => readFileSync(path, "utf8").trim().split("\n");
  const state = join(host.home, ".local/state/cloister");
  const records = readdirSync(state, { recursive: true }).filter((path) => /workspaces\/./.test(path));
  return {
    processes: running().map(({ pid, command, state: letter }) => `${String(pid)} ${letter} ${command}`),
    mounts: lines("/proc/self/mountinfo"),
    sockets: lines("/proc/net/unix").length,
    records: [...records],
    temporary: readdirSync(process.env.TMPDIR),
    descriptors: readdirSync("/proc/self/fd").length,
  };
}

function differs(now) {
  return now.processes.length !== before.processes.length || now.sockets !== before.sockets || now.records.length > 0;
}

/** By the log: which workspaces there were, and how many of them count as open. */
async function ledgerSays() {
  const { openSession } = await import(library("operations/session.js"));
  const { openWorkspaces } = await import(library("operations/workspace/open-workspaces.js"));
  const session = await openSession(host, host.cwd);
  await session.sync();
  const ids = [...new Set(session.ledger.events.map(({ event }) => event.workspace).filter(Boolean))];
  const cgroups = readdirSync("/sys/fs/cgroup", { recursive: true }).filter((path) =>
    ids.some((id) => path.includes(id.slice(0, CGROUP_ID_LENGTH))),
  );
  return { workspaces: ids.length, open: openWorkspaces(session.ledger, "ana", Date.now()), cgroups };
}
