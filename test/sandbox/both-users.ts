// Runs compiled cases as root and as an ordinary user, and says of each what became of it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Result } from "./cases.ts";
import { compile } from "./compiled.ts";
import { IS_ROOT } from "./here.ts";

export type Who = "root" | "user";

/** What became of the cases of one run. */
export interface Outcome {
  readonly results: ReadonlyMap<string, Result>;
  /** What was written to standard error. */
  readonly errors: string;
}

export interface Program {
  /**
   * Runs it once; its last argument is a folder of its own.
   *
   * @param within words before the command of an ordinary user, while it is still root's
   */
  run(who: Who, args: readonly string[], within?: readonly string[]): Promise<Outcome>;
  remove(): void;
}

/**
 * @param entry path of the program, relative to the project
 * @param uid an ordinary user for the tests that root runs; nothing of the system has it, and no other test
 */
export function compiledCases(entry: string, uid: number): Program {
  const { folder, program } = compile(entry);
  const drop = IS_ROOT ? ["setpriv", `--reuid=${String(uid)}`, `--regid=${String(uid)}`, "--clear-groups", "--"] : [];
  return {
    run: async (who, args, within = []) => {
      const home = mkdtempSync(join(folder, `${who}-`));
      if (who === "user" && IS_ROOT) chownSync(home, uid, uid);
      const words = who === "user" ? [...within, ...drop] : [];
      return await outcomeOf([...words, process.execPath, program, ...args, home], home);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function outcomeOf([file = "", ...args]: readonly string[], home: string): Promise<Outcome> {
  const child = spawn(file, args, {
    cwd: "/",
    env: { PATH: process.env["PATH"], HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [lines, errors] = ["", ""];
  child.stdout.on("data", (chunk) => {
    lines += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    errors += String(chunk);
  });
  await once(child, "close");
  const results = lines
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Result);
  return { results: new Map(results.map((result) => [result.name, result])), errors };
}

export interface Told {
  /** What is tested, and where: `escapes from a workspace`. */
  readonly title: string;
  /** Told apart from others of the same title, and why it is skipped. */
  readonly suffix: string;
  readonly runnable: boolean;
  readonly names: readonly string[];
  /** The first test of each half waits for all of its cases. */
  readonly allMs: number;
  readonly outcome: (who: Who) => Promise<Outcome>;
}

/** A test for each case in each half, which passes where the case did. */
export function describeBoth({ title, suffix, runnable, names, allMs, outcome }: Told): void {
  const expectPassed = (who: Who) => {
    test.each(names)("%s", { timeout: allMs }, async (name) => {
      const { results, errors } = await outcome(who);
      expect(results.get(name), errors).toBeDefined();
      expect(results.get(name)?.error).toBeUndefined();
    });
  };
  const root = `${title} of root${IS_ROOT ? suffix : " (skipped: not root)"}`;
  describe.skipIf(!runnable || !IS_ROOT)(root, () => expectPassed("root"));
  describe.skipIf(!runnable)(`${title} of an ordinary user${suffix}`, () => expectPassed("user"));
}
