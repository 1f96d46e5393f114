// Creates, uses and destroys workspaces through the library, one after the other, as often as it is told to. It is killed
// in the middle of that, and so are processes that it started; a cycle that fails for it is only said to have failed.
import { PassThrough } from "node:stream";
import { hostOf, library } from "./host.mjs";

const [, , folder = "", cycles = "0"] = process.argv;
const { open } = await import(library("index.js"));
const { isAlive } = await import(library("base/process-alive.js"));
const host = hostOf(folder);

for (let i = 0; i < Number(cycles); i++) {
  process.stdout.write("began\n");
  try {
    await cycle(await open(host, { folder: host.cwd }), `w${String(process.pid)}-${String(i)}`);
    process.stdout.write("ended\n");
  } catch (error) {
    process.stdout.write(`failed ${String(error?.code)} ${String(error?.message)} ${String(error?.why)}\n`);
  }
}

async function cycle(project, name) {
  const mounted = { inputs: ["cohort"], code: `${folder}/code` };
  await project.createWorkspace({ name, ...mounted, purpose: "modelling", ttlMs: 300_000, diskBytes: 10_000_000 });
  const stdin = new PassThrough();
  stdin.end();
  const streams = { stdin, stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
  const argv = ["/bin/sh", "-c", "sh train.sh; sleep 0.0$(($$ % 10))"];
  await project.run({ workspace: name, argv, keepOutput: true }, streams);
  await project.destroyWorkspace(name, { discard: true });
  // What one of those before left behind that were killed.
  for (const { name: left } of await project.listWorkspaces()) {
    if (!isAlive(Number(left.slice(1).split("-")[0]))) await destroyLeft(project, left);
  }
}

/** Another worker may be doing so just now. */
async function destroyLeft(project, name) {
  try {
    await project.destroyWorkspace(name, { discard: true });
  } catch (error) {
    if (error.code !== "NOT_FOUND") throw error;
  }
}
