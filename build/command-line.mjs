// Packs the command line: `dist/cli` and all it uses, as `tsc` made them, into the two files that `bin/cloister.js` starts.
// Node takes about a third of a millisecond for each ES module, and a command is a hundred of them.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist/command");

/**
 * Packages that every command needs: packed with our own modules. All others stay packages, loaded when they are used.
 * @type {Readonly<Record<string, string>>} where their licence stands
 */
const PACKED = { chalk: "license", commander: "LICENSE" };
/** What answers `--version` and the first page of help. */
const FIRST = ["start.cjs", "root-help.cjs"];

const bundle = await rolldown({
  input: { start: join(root, "dist/cli/start.js") },
  platform: "node",
  external: (id) => /^[a-z@]/.test(id) && !(id in PACKED),
  onLog: (_level, { message }) => {
    throw new Error(message);
  },
});
const { output } = await bundle.generate({
  format: "cjs",
  entryFileNames: "[name].cjs",
  chunkFileNames: "[name].cjs",
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, legalComments: "inline" } },
});
await bundle.close();
const parts = new Map(output.map(({ fileName, code, imports }) => [fileName, { code, imports }]));

const first = closure(FIRST);
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "package.json"), '{"type":"commonjs"}\n');
copyFileSync(join(import.meta.dirname, "load.cjs"), join(folder, "load.js"));
write("first.js", pack(first));
write("rest.js", pack([...parts.keys()].filter((name) => !first.includes(name))));
createRequire(import.meta.url)(join(folder, "load.js")).keepCode();

/** These parts with all that they load at once. */
function closure(names) {
  const found = new Set(names);
  for (const name of found) {
    for (const other of parts.get(name).imports) if (parts.has(other)) found.add(other);
  }
  return [...found];
}

/** An expression: parts by name, each a function like the one that Node puts around a CommonJS module. */
function pack(names) {
  const members = names.map(
    (name) => `${JSON.stringify(`./${name}`)}(exports, require, importPackage, __filename) {\n${body(name)}\n}`,
  );
  return ascii(`({\n${members.join(",\n")}\n})\n`);
}

/** `import()` of what stays a package goes through the loader: a script that comes with a code cache cannot import. */
function body(name) {
  return parts.get(name).code.replaceAll(/\bimport\((?=")/g, "importPackage(");
}

/** One byte a character, in the file and in memory. What is not ASCII stands in literals only. */
function ascii(text) {
  return text.replaceAll(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The first line names the rest, so that a code cache is never taken for that of another build. */
function write(name, text) {
  const licences = Object.entries(PACKED).map(([from, file]) => {
    const licence = readFileSync(join(root, "node_modules", from, file), "latin1");
    return `/* Parts of ${from}:\n${licence.replaceAll("*/", "* /")}*/\n`;
  });
  const rest = licences.join("") + text;
  const path = join(folder, name);
  writeFileSync(`${path}.tmp`, `//${createHash("sha256").update(rest).digest("hex")}\n${rest}`, "latin1");
  renameSync(`${path}.tmp`, path);
}
