// Starts sandbox-process.mjs as it was packed, the way bin/cloister.js starts the command line.
// Usage: node sandbox-start.cjs FOLDER create STATE-FILE | run STATE-FILE | stop STATE-FILE
//        node sandbox-start.cjs FOLDER keep STATE-FILE: does all three, and keeps V8's code of it
"use strict";
const { join } = require("node:path");

const [folder, what, file] = process.argv.slice(2);
const { main } = require(join(folder, "load.js")).load("./sandbox-process.js");

async function keep() {
  for (const each of ["create", "run", "stop"]) await main([each, file]);
  require("../../build/keep.cjs").keepCode(folder);
  return 0;
}

(what === "keep" ? keep() : main([what, file])).then((exit) => process.exit(exit));
