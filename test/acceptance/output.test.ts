// What is printed where: colours, quiet, JSON, control characters, readers that go away.
import { execFileSync, spawn } from "node:child_process";
import { beforeAll, describe, expect, it } from "vitest";
import { BIN, type Member, World } from "./harness.ts";

const world = new World();
const ESCAPE = "\u001b";
let ana: Member;

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  ana.files(".", { "one.txt": "one" });
  await ana.ok("push", "one.txt", "--name", "one");
  await ana.ok("push", "one.txt", "--name", "one");
});

describe("output", () => {
  it("ends quietly when the reader of the list has gone", async () => {
    const child = spawn("sh", ["-c", '"$0" "$1" list | head -c 1 >/dev/null', process.execPath, BIN], {
      cwd: ana.folder,
      env: ana.env,
    });
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += String(chunk);
    });
    expect(await new Promise((resolve) => child.on("close", resolve))).toBe(0);
    expect(err).toBe("");
    const first = execFileSync(
      "bash",
      ["-c", '"$0" "$1" list | head -1; exit $' + "{PIPESTATUS[0]}", process.execPath, BIN],
      {
        cwd: ana.folder,
        env: ana.env,
        encoding: "utf8",
      },
    );
    expect(first.split("\n")).toHaveLength(2);
  });

  it("has colour only when forced, and NO_COLOR wins", async () => {
    const coloured = async (env: Record<string, string>, ...args: string[]) => {
      const { out, err } = await ana.with({ env }, ...args);
      return `${out}${err}`.includes(ESCAPE);
    };
    const [force, no] = [{ FORCE_COLOR: "1" }, { NO_COLOR: "1" }];
    const answers = [{}, force, { ...force, ...no }].flatMap((env) => [
      coloured(env, "policy", "explain", "artifact.pull"),
      coloured(env, "pull", "nosuch"),
    ]);
    expect(await Promise.all(answers)).toEqual([false, false, true, true, false, false]);
  });

  it("--quiet keeps results and errors and nothing else; --json is one document on standard output", async () => {
    const quiet = await ana.ok("pull", "one", "-o", "-", "--quiet");
    expect(quiet.err).toBe("");
    const pushed = await ana.ok("push", "one.txt", "--name", "colour", "--quiet");
    expect(pushed.err).toBe("");
    const json = await ana.ok("push", "one.txt", "--name", "colour", "--json");
    expect(json.err).toBe("");
    expect(json.out.trimEnd().split("\n")).toHaveLength(1);
    expect((await ana.cli("pull", "nosuch", "--quiet")).err).toContain("NOT_FOUND");
  });

  it("every command's JSON names its schema", async () => {
    const schemas = await Promise.all(
      [
        ["status"],
        ["whoami"],
        ["doctor"],
        ["list"],
        ["show", "one"],
        ["verify", "one"],
        ["ws", "list"],
        ["member", "list"],
        ["policy", "show"],
        ["policy", "check"],
        ["policy", "explain", "artifact.pull"],
        ["audit", "list"],
        ["audit", "verify"],
        ["help", "exit-codes"],
      ].map(async (args) => {
        const { out } = await ana.ok(...args, "--json");
        return `${args.slice(0, 2).join(" ")}: ${String(JSON.parse(out).schema)}`;
      }),
    );
    expect(schemas).toMatchInlineSnapshot(`
      [
        "status: cloister/status@1",
        "whoami: cloister/whoami@1",
        "doctor: cloister/doctor@1",
        "list: cloister/list@1",
        "show one: cloister/show@1",
        "verify one: cloister/verify@1",
        "ws list: cloister/workspace-list@1",
        "member list: cloister/member-list@1",
        "policy show: cloister/policy@1",
        "policy check: cloister/policy-check@1",
        "policy explain: cloister/policy-explain@1",
        "audit list: cloister/audit-list@1",
        "audit verify: cloister/audit-verify@1",
        "help exit-codes: cloister/exit-codes@1",
      ]
    `);
  });

  it("strips what other people wrote of terminal controls", async () => {
    const evil = "nice\u001b]0;owned\u0007\u001b[31m\u202etext";
    await ana.ok("push", "one.txt", "--name", "evil", "--why", evil);
    const { out } = await ana.ok("show", "evil");
    for (const control of [ESCAPE, "\u0007", "\u202e"]) expect(out).not.toContain(control);
    expect(out).toContain("nice");
  });
});
