// Packs modules that `tsc` made, and all they use, into few files: parts. `load.cjs`, beside them as `load.js`, loads them.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Packages that a part may load at once: small, and CommonJS, which Node 20.17 can still require. */
const REQUIRED = ["tar-stream", "yaml"];

/**
 * Fills a folder with parts.
 *
 * @param input path of the module that makes each first part, by the part's name
 * @param packed packages that go into the parts; all others are loaded as packages, on use
 */
export async function pack({ input, folder, packed = [] }) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const parts = await bundle(input, packed);
  for (const part of parts) writeFileSync(join(folder, part.fileName), textOf(part, parts), "latin1");
  writeFileSync(join(folder, "package.json"), '{"type":"commonjs"}\n');
  copyFileSync(join(import.meta.dirname, "load.cjs"), join(folder, "load.js"));
}

/** Modules that are always loaded together, as CommonJS. */
async function bundle(input, packed) {
  const build = await rolldown({
    input,
    platform: "node",
    external: (id) => /^[a-z@]/.test(id) && !packed.some((name) => `${id}/`.startsWith(`${name}/`)),
    onLog: (_level, { message }) => {
      throw new Error(message);
    },
  });
  try {
    const { output } = await build.generate({
      format: "cjs",
      entryFileNames: "[name].js",
      chunkFileNames: "[name].js",
      // Their licences stand in a file of their own.
      comments: false,
      // Small and used by all: one part, not one for each group of users.
      codeSplitting: { groups: [{ name: "base", test: /\/dist\/base\// }] },
    });
    return output;
  } finally {
    await build.close();
  }
}

/**
 * A function like the one that Node puts around a CommonJS module, behind a line that names it by its digest. `import()` of
 * a package goes through the loader: a script that comes with kept code cannot import.
 */
function textOf({ fileName, code, imports }, parts) {
  const ours = parts.map((part) => part.fileName);
  const atOnce = imports.find((id) => !id.startsWith("node:") && ![...ours, ...REQUIRED].includes(id));
  if (atOnce) throw new Error(`${fileName} loads ${atOnce} at once: use await import("${atOnce}") where it is needed`);
  const body = code.replaceAll(/\bimport\((?=")/g, "importPackage(");
  const text = ascii(`(function (exports, require, importPackage, __filename) {\n${body}\n})\n`);
  return `//${createHash("sha256").update(text).digest("hex")}\n${text}`;
}

/** One byte a character, in the file and in memory. What is not ASCII stands in literals only. */
function ascii(text) {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
