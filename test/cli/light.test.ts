// What the everyday commands load in a project that has no gates, no requests and no emergencies: nothing of these rooms.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const parts = join(root, "dist/command");
const built = existsSync(join(parts, "load.js"));

/** Modules as the packed parts name them, each in a comment above its text. */
const HEAVY = ["operations/request/standing", "operations/break-glass/standing", "operations/review/age"];
const READING = ["policy/read", "policy/edit", "policy/cedar", "operations/project/joins", "operations/policy/submit"];

describe.skipIf(!built)(built ? "light" : "light (skipped: not built, run npm run build)", () => {
  let home = "";
  const project = () => join(home, "project");

  /** All parts that a command loads, as text. */
  function loadedBy(...args: readonly string[]): string {
    const list = join(home, "parts.json");
    const env = { HOME: home, PATH: process.env["PATH"], NO_COLOR: "1", PARTS: list };
    const program = ["-r", join(home, "watch.cjs"), join(root, "bin/cloister.js"), ...args];
    execFileSync(process.execPath, program, { cwd: project(), env, stdio: ["ignore", "ignore", "inherit"] });
    const names = JSON.parse(readFileSync(list, "utf8")) as readonly string[];
    return names.map((name) => readFileSync(join(parts, name), "latin1")).join("\n");
  }

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), "cloister-light-"));
    mkdirSync(project());
    const load = JSON.stringify(join(parts, "load.js"));
    const watch = `const { writeFileSync } = require("node:fs"); const { loaded } = require(${load});
      process.on("exit", () => writeFileSync(process.env.PARTS, JSON.stringify([...loaded.keys()])));`;
    writeFileSync(join(home, "watch.cjs"), watch);
    loadedBy("init", ".", "--template", "solo", "--yes", "--insecure-storage");
    // What was compiled once is remembered.
    loadedBy("policy", "explain", "artifact.pull", "--class", "internal");
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it("there are such modules to be loaded", () => {
    const texts = readdirSync(parts).filter((name) => name.endsWith(".js"));
    const all = texts.map((name) => readFileSync(join(parts, name), "latin1")).join("\n");
    for (const module of [...HEAVY, ...READING]) expect(all).toContain(`// dist/${module}.js`);
  });

  it.each(["whoami", "status", "list", "policy explain artifact.pull --class internal"])(
    "%s loads nothing that the policy does not ask for",
    (command) => {
      const text = loadedBy(...command.split(" "));
      for (const module of HEAVY) expect(text).not.toContain(`// dist/${module}.js`);
    },
  );

  it.each(["whoami", "status"])("%s neither reads a policy's text nor asks Cedar", (command) => {
    const text = loadedBy(command);
    for (const module of READING) expect(text).not.toContain(`// dist/${module}.js`);
  });
});
