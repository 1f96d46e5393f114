// Loads the parts of the packed command line (see command-line.mjs), with the code that V8 made of them at build time.
"use strict";
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

/** `//` and the SHA-256 of all that follows, hex. */
const NAME_CHARS = 66;
/** By name: what the part exports, and its script. */
const loaded = new Map();

/** A part by its name, `./start.js`, or a package. */
function load(name) {
  if (!name.startsWith("./")) return require(name);
  const known = loaded.get(name);
  if (known) return known.exports;
  const filename = join(__dirname, name);
  const source = readFileSync(filename, "latin1");
  const script = new Script(source, { filename, cachedData: keptCode(filename, source) });
  const part = { script, exports: {} };
  // Before it runs: parts may need one another.
  loaded.set(name, part);
  try {
    script.runInThisContext()(part.exports, load, importPackage, filename);
  } catch (error) {
    loaded.delete(name);
    throw error;
  }
  return part.exports;
}

function importPackage(name) {
  return import(name);
}

/** V8 refuses code of another version of itself, and then compiles. It knows a source by its length only; we by its name. */
function keptCode(filename, source) {
  let bytes;
  try {
    bytes = readFileSync(`${filename}.code`);
  } catch {
    return undefined;
  }
  if (bytes.toString("latin1", 0, NAME_CHARS) !== source.slice(0, NAME_CHARS)) return undefined;
  return bytes.subarray(NAME_CHARS);
}

module.exports = { load, loaded, NAME_CHARS };
