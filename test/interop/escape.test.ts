// Every escape attempt of test/interop/escape, made by code in a workspace that root started and in one that an
// ordinary user started.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../sandbox/compiled.ts";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";
import { ATTEMPTS } from "./escape/attempts.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_000;
const HAS_PERL = existsSync("/usr/bin/perl");
const reason = HAS_PERL ? REASON : " (skipped: no /usr/bin/perl to make system calls with)";
const runnable = WORKS && HAS_PERL;

interface Result {
  readonly name: string;
  readonly error?: string;
}

/** Both halves run side by side; each gives its results by name, and what it wrote to standard error. */
let halves: Readonly<Record<Who, Promise<{ readonly results: ReadonlyMap<string, Result>; readonly errors: string }>>>;
type Who = "root" | "user";
let folder = "";

beforeAll(() => {
  if (!runnable) return;
  const built = compile("test/interop/escape/main.ts");
  folder = built.folder;
  const drop = IS_ROOT ? ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"] : [];
  const command = [process.execPath, built.program, "all"];
  const user = makeAttempts("user", [...drop, ...command]);
  halves = { user, root: IS_ROOT ? makeAttempts("root", command) : user };
});

afterAll(() => {
  if (runnable) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!runnable || !IS_ROOT)(
  `escapes from a workspace of root${IS_ROOT ? reason : " (skipped: not root)"}`,
  () => expectNone("root"),
);

describe.skipIf(!runnable)(`escapes from a workspace of an ordinary user${reason}`, () => expectNone("user"));

function expectNone(who: Who): void {
  for (const { name } of ATTEMPTS) {
    test(name, async () => {
      const { results, errors } = await halves[who];
      expect(results.get(name), errors).toBeDefined();
      expect(results.get(name)?.error).toBeUndefined();
    });
  }
}

async function makeAttempts(who: Who, command: readonly string[]) {
  const home = join(folder, who);
  mkdirSync(home);
  if (who === "user" && IS_ROOT) chownSync(home, USER, USER);
  const [file = "", ...args] = [...command, home];
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
