// Keeps V8's code of the packed command line, with all functions that it compiles for a few everyday commands. They run
// here, in a project made for it, so that no start has to compile them again. Started in an empty folder that is HOME, too.
"use strict";
const { execFileSync } = require("node:child_process");
const { readdirSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { load, loaded, NAME_CHARS } = require("../dist/command/load.js");

const folder = join(__dirname, "../dist/command");
const program = join(__dirname, "../bin/cloister.js");
const explain = ["policy", "explain", "artifact.pull", "--class", "internal"];

/** In processes of their own: loading Cedar sets flags of V8, and code that was made under other flags is refused. */
const BEFORE = [["init", ".", "--template", "solo", "--yes", "--insecure-storage"], explain];
const EVERYDAY = [["whoami"], ["status"], ["list"], explain, ["status", "--json"]];

async function main() {
  for (const args of BEFORE) {
    execFileSync(process.execPath, [program, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  }
  for (const args of EVERYDAY) await load("./start.js").start(args, process);
  for (const file of readdirSync(folder)) if (file.endsWith(".js") && file !== "load.js") keep(file);
}

/** Beside the part, behind the line that names it. */
function keep(file) {
  load(`./${file}`);
  const name = readFileSync(join(folder, file)).subarray(0, NAME_CHARS);
  const code = loaded.get(`./${file}`).script.createCachedData();
  writeFileSync(join(folder, `${file}.code`), Buffer.concat([name, code]));
}

main().catch((error) => {
  console.error("the command line is built, but starts slowly: its code could not be kept:", error);
});
