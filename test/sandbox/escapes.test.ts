// Every escape attempt of test/sandbox/escapes, made by code in a workspace that root started and in one that an
// ordinary user started.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "./compiled.ts";
import { ATTEMPTS } from "./escapes/attempts.ts";
import { IS_ROOT, REASON, WORKS } from "./here.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_000;
const HAS_PERL = existsSync("/usr/bin/perl");
const reason = HAS_PERL ? REASON : " (skipped: no /usr/bin/perl to make system calls with)";
const runnable = WORKS && HAS_PERL;

let built: { readonly folder: string; readonly program: string };

beforeAll(() => {
  if (runnable) built = compile("test/sandbox/escapes/main.ts");
});

afterAll(() => {
  if (runnable) rmSync(built.folder, { recursive: true, force: true });
});

describe.skipIf(!runnable || !IS_ROOT)(
  `escapes from a workspace of root${IS_ROOT ? reason : " (skipped: not root)"}`,
  () => {
    attemptsAs("root", (program, folder) => [process.execPath, program, "all", folder]);
  },
);

describe.skipIf(!runnable)(`escapes from a workspace of an ordinary user${reason}`, () => {
  const drop = ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"];
  attemptsAs("user", (program, folder) => [...(IS_ROOT ? drop : []), process.execPath, program, "all", folder]);
});

function attemptsAs(who: string, command: (program: string, folder: string) => string[]): void {
  const results = new Map<string, { readonly error?: string }>();
  let errors = "";

  beforeAll(async () => {
    const folder = join(built.folder, who);
    mkdirSync(folder);
    if (who === "user" && IS_ROOT) chownSync(folder, USER, USER);
    const [file = "", ...args] = command(built.program, folder);
    const child = spawn(file, args, {
      cwd: "/",
      env: { PATH: process.env["PATH"], HOME: folder },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let lines = "";
    child.stdout.on("data", (chunk) => {
      lines += String(chunk);
    });
    child.stderr.on("data", (chunk) => {
      errors += String(chunk);
    });
    await once(child, "close");
    for (const line of lines.split("\n").filter(Boolean)) {
      const result = JSON.parse(line) as { readonly name: string; readonly error?: string };
      results.set(result.name, result);
    }
  });

  for (const { name } of ATTEMPTS) {
    test(name, () => {
      expect(results.get(name), errors).toBeDefined();
      expect(results.get(name)?.error).toBeUndefined();
    });
  }
}
