// Loads the parts of the packed command line (see command-line.mjs), with the code that V8 made of them at build time.
"use strict";
const { readFileSync, rmSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { Script } = require("node:vm");

/** `//` and the SHA-256 of all that follows, hex. */
const NAME_CHARS = 66;
const packs = ["first", "rest"].map((name) => ({
  file: join(__dirname, `${name}.js`),
  cache: join(__dirname, `${name}.code`),
}));
const loaded = new Map();

/** A part by its name, `./start.cjs`, or a package. */
function load(name) {
  if (!name.startsWith("./")) return require(name);
  const known = loaded.get(name);
  if (known) return known;
  const exports = {};
  loaded.set(name, exports);
  const pack = packs.find((each) => name in partsOf(each));
  pack.parts[name](exports, load, importPackage, pack.file);
  return exports;
}

function importPackage(name) {
  return import(name);
}

function partsOf(pack) {
  if (!pack.parts) {
    const source = readFileSync(pack.file, "latin1");
    pack.script = new Script(source, { filename: pack.file, cachedData: cached(pack, source) });
    pack.parts = pack.script.runInThisContext();
  }
  return pack.parts;
}

/** V8 refuses code of another version of itself, and then compiles. It knows a source by its length only; we by its name. */
function cached({ cache }, source) {
  let bytes;
  try {
    bytes = readFileSync(cache);
  } catch {
    return undefined;
  }
  return bytes.toString("latin1", 0, NAME_CHARS) === source.slice(0, NAME_CHARS)
    ? bytes.subarray(NAME_CHARS)
    : undefined;
}

/** At build time: loads all parts and keeps what V8 compiled for it. */
function keepCode() {
  for (const pack of packs) {
    rmSync(pack.cache, { force: true });
    for (const name of Object.keys(partsOf(pack))) load(name);
  }
  for (const { file, cache, script } of packs) {
    const name = readFileSync(file, "latin1").slice(0, NAME_CHARS);
    writeFileSync(cache, Buffer.concat([Buffer.from(name, "latin1"), script.createCachedData()]));
  }
}

module.exports = { load, keepCode };
