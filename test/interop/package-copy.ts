// The package as npm leaves it on a machine, with keytar built, not built, or left out.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PROJECT = join(import.meta.dirname, "../..");

/** Folders of the keytar package; undefined where it cannot be had here, with npm's last words. */
export interface KeytarInstalled {
  /** As `npm install --ignore-scripts` leaves it: without its compiled part. */
  readonly unbuilt: string | undefined;
  readonly built: string | undefined;
  readonly why: string;
}

/** Downloads the version that package.json names, and builds it. */
export function installKeytar(root: string): KeytarInstalled {
  const folder = mkdtempSync(join(root, "keytar-"));
  const { optionalDependencies } = JSON.parse(readFileSync(join(PROJECT, "package.json"), "utf8"));
  const wish = { private: true, dependencies: { keytar: optionalDependencies.keytar }, allowScripts: { keytar: true } };
  writeFileSync(join(folder, "package.json"), JSON.stringify(wish));
  const npm = (...args: readonly string[]) =>
    spawnSync("npm", args, { cwd: folder, encoding: "utf8", timeout: 240_000 });
  const installed = npm("install", "--ignore-scripts", "--no-audit", "--no-fund");
  if (installed.status !== 0) return { unbuilt: undefined, built: undefined, why: lastLines(installed.stderr) };
  const unbuilt = mkdtempSync(join(root, "unbuilt-"));
  cpSync(join(folder, "node_modules"), unbuilt, { recursive: true });
  const rebuilt = npm("rebuild", "keytar", "--foreground-scripts");
  const built = rebuilt.status === 0 ? join(folder, "node_modules/keytar") : undefined;
  return { unbuilt: join(unbuilt, "keytar"), built, why: lastLines(rebuilt.stderr) };
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-3).join(" / ").slice(0, 300);
}

/** Copies the built package, links its dependencies, and puts this keytar, or none, beside them. */
export function copyPackage(root: string, keytar: string | undefined): string {
  const folder = mkdtempSync(join(root, "package-"));
  for (const part of ["bin", "dist", "templates", "package.json"]) {
    cpSync(join(PROJECT, part), join(folder, part), { recursive: true });
  }
  mkdirSync(join(folder, "node_modules"));
  const modules = readdirSync(join(PROJECT, "node_modules")).filter((name) => name !== "keytar" && name !== ".bin");
  for (const name of modules) symlinkSync(join(PROJECT, "node_modules", name), join(folder, "node_modules", name));
  // Linked, too: its own dependencies lie where it was installed.
  if (keytar !== undefined) symlinkSync(keytar, join(folder, "node_modules/keytar"));
  return join(folder, "bin/cloister.js");
}
