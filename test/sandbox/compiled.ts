// Compiles a TypeScript program of the tests, so that plain node can run it, also as a user who may read nothing of ours.
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/**
 * @param entry path of the program, relative to the project
 * @returns a folder that everybody may read, to be removed by the caller, and the program in it
 */
export function compile(entry: string): { readonly folder: string; readonly program: string } {
  const folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
  chmodSync(folder, 0o755);
  const options = ["--rewriteRelativeImportExtensions", "--module", "nodenext", "--target", "es2023", "--strict"];
  const types = ["--skipLibCheck", "--types", "node", "--ignoreConfig"];
  const tsc = join(ROOT, "node_modules/.bin/tsc");
  execFileSync(tsc, [...options, ...types, "--rootDir", ".", "--outDir", folder, entry], { cwd: ROOT });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  for (const name of ["tar-stream", "proxy-chain", "ipaddr.js"]) copyPackage(name, folder);
  execFileSync("/bin/chmod", ["-R", "a+rX", folder]);
  return { folder, program: join(folder, entry.replace(/\.ts$/, ".js")) };
}

/** Copies an installed package, with all it depends on, into a folder's `node_modules`. */
export function copyPackage(name: string, folder: string): void {
  for (const each of withDependencies(name)) {
    cpSync(join(ROOT, "node_modules", each), join(folder, "node_modules", each), { recursive: true });
  }
}

function withDependencies(name: string, found = new Set<string>()): Set<string> {
  if (found.has(name)) return found;
  found.add(name);
  const manifest = JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")) as {
    readonly dependencies?: Readonly<Record<string, string>>;
  };
  for (const dependency of Object.keys(manifest.dependencies ?? {})) withDependencies(dependency, found);
  return found;
}
