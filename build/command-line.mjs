// Packs the command line: `dist/cli` and all it uses, as `tsc` made them, becomes `dist/command`, few files instead of a
// hundred and each with V8's code beside it. `load.cjs` loads them.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "./pack.mjs";

const root = join(import.meta.dirname, "..");
const folder = join(root, "dist/command");
const made = `${folder}.new`;

/** Packages that go into the parts, with where their licence stands. */
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

await pack({ input: { start: join(root, "dist/cli/start.js") }, folder: made, packed: Object.keys(PACKED) });
writeFileSync(join(made, "LICENSES.txt"), licences());
rmSync(folder, { recursive: true, force: true });
renameSync(made, folder);
keepCode();

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
