// Runs a script against the real sources in a process of its own, which a test can kill or measure.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");

/**
 * Compiles some sources (Node 20 does not run TypeScript) with all they import into `folder`.
 *
 * @param files relative to `src`, e.g. `store/folder.ts`
 */
export function compile(folder: string, files: readonly string[]): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  const config = join(folder, "tsconfig.json");
  const options = { rootDir: join(PROJECT, "src"), outDir: folder, declaration: false, incremental: false };
  writeFileSync(
    config,
    JSON.stringify({
      extends: join(PROJECT, "tsconfig.json"),
      compilerOptions: { ...options, tsBuildInfoFile: null, typeRoots: [join(PROJECT, "node_modules/@types")] },
      include: [],
      files: files.map((file) => join(PROJECT, "src", file)),
    }),
  );
  execFileSync(process.execPath, [join(PROJECT, "node_modules/typescript/bin/tsc"), "-p", config]);
}

/** Starts an ES module given as text, in `folder`, its working directory, so that it imports what {@link compile} left there by `./…`. */
export function start(folder: string, script: string): ChildProcess {
  const path = join(folder, "script.js");
  writeFileSync(path, script);
  return spawn(process.execPath, [path], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
}
