// Packs the command line: `dist/cli` and all it uses, as `tsc` made them, becomes `dist/command`, few files instead of a
// hundred and each with V8's code beside it. `load.cjs` loads them.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist/command");
const made = `${folder}.new`;

/** Packages that go into the parts, with where their licence stands. All others are loaded as packages, on use. */
const PACKED = {
  chalk: "license",
  commander: "LICENSE",
  "age-encryption": "LICENSE",
  "@noble/ciphers": "LICENSE",
  "@noble/curves": "LICENSE",
  "@noble/hashes": "LICENSE",
  "@noble/post-quantum": "LICENSE",
  "@scure/base": "LICENSE",
};

/** Packages that a part may load at once: small, and CommonJS, which Node 20.17 can still require. */
const REQUIRED = ["tar-stream", "yaml"];

rmSync(made, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
const parts = await bundle();
for (const part of parts) writeFileSync(join(made, part.fileName), textOf(part), "latin1");
writeFileSync(join(made, "LICENSES.txt"), licences());
writeFileSync(join(made, "package.json"), '{"type":"commonjs"}\n');
copyFileSync(join(import.meta.dirname, "load.cjs"), join(made, "load.js"));
rmSync(folder, { recursive: true, force: true });
renameSync(made, folder);
keepCode();

/** Modules that are always loaded together, as CommonJS. */
async function bundle() {
  const build = await rolldown({
    input: { start: join(root, "dist/cli/start.js") },
    platform: "node",
    external: (id) => /^[a-z@]/.test(id) && !Object.keys(PACKED).some((name) => `${id}/`.startsWith(`${name}/`)),
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
function textOf({ fileName, code, imports }) {
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

function licences() {
  const texts = Object.entries(PACKED).map(([name, file]) => {
    return `${name}\n\n${readFileSync(join(root, "node_modules", name, file), "utf8")}`;
  });
  return `The files beside this one hold parts of these packages.\n\n${texts.join(`\n${"-".repeat(80)}\n`)}`;
}

/** In a process of its own, which knows nothing of whoever builds. */
function keepCode() {
  const home = mkdtempSync(join(tmpdir(), "cloister-build-"));
  try {
    execFileSync(process.execPath, [join(import.meta.dirname, "keep-code.cjs")], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "inherit"],
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
