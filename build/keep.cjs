// Keeps V8's code of a packed program beside its parts, with all functions that this process had compiled by now.
"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");

/** @param folder of the parts; of those that its loader has loaded in this process, the code is kept */
function keepCode(folder) {
  const { loaded, NAME_CHARS } = require(join(folder, "load.js"));
  for (const [file, { script }] of loaded) {
    const path = join(folder, file);
    // Behind the line that names the part.
    const name = readFileSync(path).subarray(0, NAME_CHARS);
    writeFileSync(`${path}.code`, Buffer.concat([name, script.createCachedData()]));
  }
}

module.exports = { keepCode };
