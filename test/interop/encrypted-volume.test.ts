// Encrypted volumes, made by root and by an ordinary user.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../sandbox/compiled.ts";
import { CASES } from "../sandbox/encrypted-volume/cases.ts";
import { ENCRYPTED_REASON, ENCRYPTED_WORKS, WITH_FUSE } from "../sandbox/fuse.ts";
import { IS_ROOT } from "../sandbox/here.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_010;
const DROP = ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"];
type Who = "root" | "user";
let folder = "";
let halves: Record<Who, Promise<ReadonlyMap<string, string>>>;

beforeAll(() => {
  if (!ENCRYPTED_WORKS) return;
  const built = compile("test/sandbox/encrypted-volume/main.ts");
  folder = built.folder;
  const user = runCases("user", [...WITH_FUSE, ...(IS_ROOT ? DROP : []), process.execPath, built.program]);
  halves = { user, root: IS_ROOT ? runCases("root", [process.execPath, built.program]) : user };
});

afterAll(() => {
  if (ENCRYPTED_WORKS) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!ENCRYPTED_WORKS || !IS_ROOT)(
  `encrypted volumes of root${IS_ROOT ? ENCRYPTED_REASON : " (skipped: not root)"}`,
  () => expectAll("root"),
);

describe.skipIf(!ENCRYPTED_WORKS)(`encrypted volumes of an ordinary user${ENCRYPTED_REASON}`, () => expectAll("user"));

function expectAll(who: Who): void {
  for (const { name } of CASES) {
    test(name, { timeout: 180_000 }, async () => expect((await halves[who]).get(name)).toBe("passed"));
  }
}

/** What became of each case, by name. */
async function runCases(who: Who, command: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const home = join(folder, who);
  mkdirSync(home);
  if (who === "user" && IS_ROOT) chownSync(home, USER, USER);
  const [file = "", ...args] = [...command, home];
  const child = spawn(file, args, { cwd: "/", stdio: ["ignore", "pipe", "inherit"] });
  let lines = "";
  child.stdout.on("data", (chunk) => {
    lines += String(chunk);
  });
  await once(child, "close");
  const results = lines.split("\n").filter(Boolean);
  return new Map(
    results.map((line) => {
      const { name, error } = JSON.parse(line) as { readonly name: string; readonly error?: string };
      return [name, error ?? "passed"];
    }),
  );
}
