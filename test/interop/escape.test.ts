// Every escape attempt of test/interop/escape, made by code in a workspace that root started and in one that an
// ordinary user started, each with a volume in memory and with an encrypted one.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VolumeKind } from "../../src/sandbox/sandbox.ts";
import { compile } from "../sandbox/compiled.ts";
import { ENCRYPTED_REASON, ENCRYPTED_WORKS, WITH_FUSE } from "../sandbox/fuse.ts";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";
import { ATTEMPTS } from "./escape/attempts.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_000;
/** The first test of each half waits for all of its attempts. */
const ALL_MS = 240_000;
const HAS_PERL = existsSync("/usr/bin/perl");
const reason = HAS_PERL ? REASON : " (skipped: no /usr/bin/perl to make system calls with)";
const runnable = WORKS && HAS_PERL;

interface Result {
  readonly name: string;
  readonly error?: string;
}

/** Root and user side by side, one kind of volume after the other; results by name, and what was written to standard error. */
type Results = Promise<{ readonly results: ReadonlyMap<string, Result>; readonly errors: string }>;
type Who = "root" | "user";
let made: Readonly<Record<VolumeKind, Readonly<Record<Who, Results>>>>;
let folder = "";

beforeAll(() => {
  if (!runnable) return;
  const built = compile("test/interop/escape/main.ts");
  folder = built.folder;
  const drop = IS_ROOT ? ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"] : [];
  const command = [process.execPath, built.program, "all"];
  const user = makeAttempts("user", "memory", [...drop, ...command]);
  const root = IS_ROOT ? makeAttempts("root", "memory", command) : user;
  const memory = { user, root };
  if (!ENCRYPTED_WORKS) {
    made = { memory, encrypted: memory };
    return;
  }
  const userLater = user.then(() => makeAttempts("user", "encrypted", [...WITH_FUSE, ...drop, ...command]));
  const rootLater = IS_ROOT ? root.then(() => makeAttempts("root", "encrypted", command)) : userLater;
  made = { memory, encrypted: { user: userLater, root: rootLater } };
});

afterAll(() => {
  if (runnable) rmSync(folder, { recursive: true, force: true });
});

for (const volume of ["memory", "encrypted"] as const) {
  const possible = runnable && (volume === "memory" || ENCRYPTED_WORKS);
  const why = volume === "memory" || !runnable ? reason : ENCRYPTED_REASON;
  describe.skipIf(!possible || !IS_ROOT)(
    `escapes from a workspace of root, ${volume} volume${IS_ROOT ? why : " (skipped: not root)"}`,
    () => expectNone("root", volume),
  );
  describe.skipIf(!possible)(`escapes from a workspace of an ordinary user, ${volume} volume${why}`, () =>
    expectNone("user", volume),
  );
}

function expectNone(who: Who, volume: VolumeKind): void {
  for (const { name } of ATTEMPTS.filter((each) => (each.volume ?? volume) === volume)) {
    test(
      name,
      async () => {
        const { results, errors } = await made[volume][who];
        expect(results.get(name), errors).toBeDefined();
        expect(results.get(name)?.error).toBeUndefined();
      },
      ALL_MS,
    );
  }
}

async function makeAttempts(who: Who, volume: VolumeKind, command: readonly string[]): Results {
  const home = join(folder, `${who}-${volume}`);
  mkdirSync(home);
  if (who === "user" && IS_ROOT) chownSync(home, USER, USER);
  const [file = "", ...args] = [...command, volume, home];
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
