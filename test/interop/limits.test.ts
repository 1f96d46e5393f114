// Every case of test/sandbox/limits: limits are really reached, in workspaces that root started and in those of an
// ordinary user, for whom other things hold them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../sandbox/compiled.ts";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";
import { CASES } from "../sandbox/limits/cases.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_007;
const HAS_PERL = existsSync("/usr/bin/perl");
const runnable = WORKS && HAS_PERL;
const reason = HAS_PERL ? REASON : " (skipped: no /usr/bin/perl)";

interface Result {
  readonly name: string;
  readonly error?: string;
}

type Who = "root" | "user";
let halves: Readonly<Record<Who, Promise<{ readonly results: ReadonlyMap<string, Result>; readonly errors: string }>>>;
let folder = "";

beforeAll(() => {
  if (!runnable) return;
  const built = compile("test/sandbox/limits/main.ts");
  folder = built.folder;
  const drop = IS_ROOT ? ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"] : [];
  const command = [process.execPath, built.program, "all"];
  const user = runCases("user", [...drop, ...command]);
  // One after the other: they measure time.
  halves = { user, root: IS_ROOT ? user.then(() => runCases("root", command)) : user };
});

afterAll(() => {
  if (runnable) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!runnable || !IS_ROOT)(
  `limits of a workspace of root${IS_ROOT ? reason : " (skipped: not root)"}`,
  () => expectAll("root"),
);

describe.skipIf(!runnable)(`limits of a workspace of an ordinary user${reason}`, () => expectAll("user"));

function expectAll(who: Who): void {
  for (const { name } of CASES) {
    test(name, { timeout: 180_000 }, async () => {
      const { results, errors } = await halves[who];
      expect(results.get(name), errors).toBeDefined();
      expect(results.get(name)?.error).toBeUndefined();
    });
  }
}

async function runCases(who: Who, command: readonly string[]) {
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
