// The real program: what works without a project, how it ends, and that it never hangs or shows a stack.
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const bin = join(root, "bin/cloister.js");
const built = existsSync(join(root, "dist/command/load.js"));
const title = built ? "cloister" : "cloister (skipped: not built, run npm run build)";

function cloister(...argv: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [bin, ...argv], {
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
    input: "",
  });
  return { stdout, stderr, status };
}

describe.skipIf(!built)(title, () => {
  it("--version prints a version and nothing else", () => {
    expect(cloister("--version")).toEqual({
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: "",
      status: 0,
    });
  });

  it.each([[[]], [["--help"]], [["help"]]])("%j prints the help within 80 columns", (argv) => {
    const { stdout, stderr, status } = cloister(...argv);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
    expect(stdout).toContain("Start here:\n  init ");
    expect(Math.max(...stdout.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  it("shows the same help for a noun alone, with --help, and after help", () => {
    const alone = cloister("ws");
    expect(alone).toMatchObject({ stderr: "", status: 0 });
    expect(alone.stdout).toContain("Examples:\n  $ cloister ws create");
    expect(cloister("workspace", "--help").stdout).toBe(alone.stdout);
    expect(cloister("help", "ws").stdout).toBe(alone.stdout);
  });

  it.each([
    [["puhs"], "unknown command 'puhs'", "Did you mean push?", "cloister push --help"],
    [["ws", "creat", "x"], "unknown command 'creat'", "Did you mean create?", "cloister workspace create --help"],
    [["version"], "unknown command 'version'", "Did you mean --version?", "cloister --help"],
    [["help", "pul"], "unknown command 'pul'", "Did you mean pull?", "cloister pull --help"],
    [["list", "--jsn"], "unknown option '--jsn'", "Did you mean --json?", "cloister list --help"],
  ])("%j is a usage error with a suggestion", (argv, message, why, next) => {
    const { stdout, stderr, status } = cloister(...argv);
    expect({ stdout, status }).toEqual({ stdout: "", status: 2 });
    expect(stderr).toBe(`✗ ${message}  [USAGE]\n  why    ${why}\n  next   ${next}\n`);
    const json = cloister(...argv, "--json");
    expect(json.status).toBe(2);
    expect(JSON.parse(json.stderr)).toEqual({ error: { code: "USAGE", message, why, next, exit: 2 } });
  });

  it("refuses a missing argument and one too many", () => {
    expect(cloister("pull")).toMatchObject({ status: 2, stderr: expect.stringContaining("'ref'") });
    expect(cloister("status", "x")).toMatchObject({ status: 2, stderr: expect.stringContaining("too many arguments") });
  });

  it("ends quietly when the reader of its output goes away", async () => {
    const child = spawn(process.execPath, [bin, "--help"], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk) => {
      stderr += String(chunk);
    });
    const exit = await new Promise((resolve) => child.on("close", resolve));
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  });

  const full = existsSync("/dev/full") ? "" : " (skipped: no /dev/full)";
  it.skipIf(full !== "")(`fails, without a stack, where its output cannot be written${full}`, () => {
    const device = openSync("/dev/full", "w");
    const { status, stderr } = spawnSync(process.execPath, [bin, "help", "exit-codes"], {
      stdio: ["ignore", device, "pipe"],
      encoding: "utf8",
    });
    closeSync(device);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^✗ the output could not be written {2}\[FAILURE\]\n {2}why {4}ENOSPC.*\n {2}next .*\n$/);
  });

  it("ends although standard input stays open", async () => {
    const child = spawn(process.execPath, [bin, "help", "exit-codes"], { stdio: ["pipe", "ignore", "ignore"] });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
  });
});
