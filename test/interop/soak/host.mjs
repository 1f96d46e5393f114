// The process around the library, as far as it may know it: a home folder below the test's own, and nobody to ask.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Where the built library is, below the folder that the ordinary user of the test can reach. */
export function library(path) {
  return pathToFileURL(join(import.meta.dirname, "../../../dist", path)).href;
}

export function hostOf(folder) {
  const [home, cwd] = [join(folder, "home"), join(folder, "project")];
  for (const each of [home, cwd]) mkdirSync(each, { recursive: true });
  return {
    env: {},
    cwd,
    home,
    userName: "ana",
    now: Date.now,
    signal: new AbortController().signal,
    insecureStorage: true,
    progress: () => {},
    notice: () => {},
  };
}
