// The packed command line does without V8's code of it: with none, with that of another build, with a torn one.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const built = existsSync(join(root, "dist/command/load.js"));
const NAME_BYTES = 66;

describe.skipIf(!built)(built ? "packed" : "packed (skipped: not built, run npm run build)", () => {
  let copy = "";
  const code = () => join(copy, "dist/command/main.js.code");

  beforeAll(() => {
    copy = mkdtempSync(join(tmpdir(), "cloister-packed-"));
    for (const path of ["package.json", "bin", "dist/command"])
      cpSync(join(root, path), join(copy, path), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  });
  afterAll(() => rmSync(copy, { recursive: true, force: true }));

  function exitCodes(): { stdout: string; status: number | null } {
    const args = [join(copy, "bin/cloister.js"), "help", "exit-codes"];
    const { stdout, status } = spawnSync(process.execPath, args, { encoding: "utf8", env: { HOME: copy } });
    return { stdout, status };
  }

  it("says what to do where it was checked out and not built", () => {
    const bare = mkdtempSync(join(tmpdir(), "cloister-unbuilt-"));
    try {
      cpSync(join(root, "bin"), join(bare, "bin"), { recursive: true });
      const args = [join(bare, "bin/cloister.js"), "--version"];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
      expect({ stdout, status }).toEqual({ stdout: "", status: 1 });
      expect(stderr).toBe(
        "✗ cloister is not built\n  next   ./bin/setup, or npm run build, where it was checked out\n",
      );
    } finally {
      rmSync(bare, { recursive: true, force: true });
    }
  });

  it("its code bears the name of the file it was made of", () => {
    const name = readFileSync(join(copy, "dist/command/main.js"), "latin1").slice(0, NAME_BYTES);
    expect(name).toMatch(/^\/\/[0-9a-f]{64}$/);
    expect(readFileSync(code(), "latin1").slice(0, NAME_BYTES)).toBe(name);
  });

  it("V8 takes all of its code, here where it was made", () => {
    const names = readdirSync(join(copy, "dist/command")).filter((name) => name.endsWith(".js") && name !== "load.js");
    const script = `const { load, loaded } = require(${JSON.stringify(join(copy, "dist/command/load.js"))});
      for (const name of ${JSON.stringify(names)}) load("./" + name);
      const refused = [...loaded].filter(([, { script }]) => script.cachedDataRejected !== false);
      console.log(refused.map(([name]) => name).join());`;
    expect(spawnSync(process.execPath, ["-e", script], { encoding: "utf8" })).toMatchObject({
      stdout: "\n",
      status: 0,
    });
    expect(names.length).toBeGreaterThan(20);
  });

  it("V8 takes the code of all that a push loads but what reads new content, though Cedar sets flags of V8", () => {
    const home = mkdtempSync(join(tmpdir(), "cloister-pushed-"));
    try {
      const command = {
        cwd: home,
        env: { HOME: home, PATH: process.env["PATH"], NO_COLOR: "1" },
        encoding: "utf8",
      } as const;
      const program = join(root, "bin/cloister.js");
      const init = ["init", ".", "--template", "solo", "--yes", "--insecure-storage"];
      expect(spawnSync(process.execPath, [program, ...init], command).status).toBe(0);
      mkdirSync(join(home, "data"));
      writeFileSync(join(home, "data/a"), "a");
      const script = `const { load, loaded } = require(${JSON.stringify(join(root, "dist/command/load.js"))});
        load("./start.js").start(["push", "data", "--name", "data"], process).then((exit) => {
          const refused = [...loaded].filter(([, { script }]) => script.cachedDataRejected !== false).map(([name]) => name);
          require("node:fs").writeSync(2, JSON.stringify({ exit, cedar: loaded.has("./cedar.js"), refused }));
        });`;
      const { stderr } = spawnSync(process.execPath, ["-e", script], command);
      expect(stderr).toBe('{"exit":0,"cedar":true,"refused":["./crew.js"]}');
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  });

  it("loads no streams of the network, nor of files, to look for a kept session", () => {
    mkdirSync(join(copy, ".cloister"));
    const config = `store: ./store\nproject: ${"0".repeat(32)}\npin: ${"0".repeat(64)}\n`;
    writeFileSync(join(copy, ".cloister/config.yaml"), config);
    const script = `const { load } = require(${JSON.stringify(join(copy, "dist/command/load.js"))});
      load("./warm.js").warmAnswer(["creds", "process"], process).then((answer) => {
        const loaded = process.moduleLoadList.map((name) => name.replace("NativeModule ", ""));
        const heavy = loaded.filter((name) => ["net", "tty", "internal/fs/promises", "http"].includes(name));
        require("node:fs").writeSync(1, JSON.stringify({ answer, asked: Object.keys(require.cache).some((file) => file.includes("@napi-rs")), heavy }));
      });`;
    const { stdout } = spawnSync(process.execPath, ["-e", script], {
      encoding: "utf8",
      cwd: copy,
      env: { HOME: copy },
    });
    expect(stdout).toBe('{"asked":true,"heavy":[]}');
  });

  it.each([
    [
      "another build's",
      (bytes: Buffer) => Buffer.concat([Buffer.from(`//${"0".repeat(64)}`), bytes.subarray(NAME_BYTES)]),
    ],
    ["torn", (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ["empty", () => Buffer.alloc(0)],
  ])("with code that is %s it says the same", (_, damaged) => {
    const whole = readFileSync(code());
    const before = exitCodes();
    writeFileSync(code(), damaged(whole));
    expect(exitCodes()).toEqual(before);
    rmSync(code());
    expect(exitCodes()).toEqual(before);
    writeFileSync(code(), whole);
    expect(before).toMatchObject({ status: 0, stdout: expect.stringContaining("6") });
  });
});
