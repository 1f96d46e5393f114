// Keeps V8's code of the packed command line, with all functions that it compiles for a few everyday commands. They run
// here, in a project made for it, so that no start has to compile them again. Started in an empty folder that is HOME, too.
"use strict";
const { execFileSync, spawn } = require("node:child_process");
const { once } = require("node:events");
const { appendFileSync, mkdirSync, readdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const v8 = require("node:v8");
const { load } = require("../dist/command/load.js");
const { keepCode } = require("./keep.cjs");

const folder = join(__dirname, "../dist/command");
const program = join(__dirname, "../bin/cloister.js");
const explain = ["policy", "explain", "artifact.pull", "--class", "internal"];

const everyday = [["whoami"], ["status"], ["list"], explain, ["status", "--json"]];
const session = ["creds", "process"];

async function main() {
  run("init", ".", "--template", "solo", "--yes", "--insecure-storage");
  const sts = spawn(process.execPath, [join(__dirname, "stand-in-sts.mjs")], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    process.env.AWS_ENDPOINT_URL_STS = String(await once(sts.stdout, "data")).trim();
    if (keepsSessions()) everyday.push(session);
  } finally {
    sts.stdin.end();
  }
  run(...explain);
  await pushTwice();
  for (const args of everyday) await load("./start.js").start(args, process);
  run("lock");
  for (const file of readdirSync(folder)) if (file.endsWith(".js") && file !== "load.js") load(`./${file}`);
  keepCode(folder);
}

/** Loading Cedar sets flags of V8, and no start would take code that was made under them: here it sets none. */
async function pushTwice() {
  v8.setFlagsFromString = () => {};
  mkdirSync("data");
  writeFileSync("data/a.txt", "a");
  for (let i = 0; i < 2; i++) await load("./start.js").start(["push", "data", "--name", "data"], process);
}

/** In a process of its own. */
function run(...args) {
  return execFileSync(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"], encoding: "utf8" });
}

/** Whether the project's next process is handed the same AWS session again: not every kernel and container keeps one. */
function keepsSessions() {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "s" });
  appendFileSync("cloister.policy.yaml", 'aws: { account: "111122223333", region: eu-west-1, bucket: acme-ml }\n');
  run("policy", "propose", "--yes");
  const issued = run(...session);
  return run(...session) === issued;
}

main().catch((error) => {
  console.error("the command line is built, but starts slowly: its code could not be kept:", error);
});
