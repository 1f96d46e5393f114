// A shell in a workspace, in a real terminal: what people do at one all day, and how it ends.
import { readdirSync, readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, WorkspaceDetail } from "../../src/index.ts";
import { HAS_SANDBOX, has, holders, type Member, marker, until, World } from "../acceptance/harness.ts";
import { Terminal } from "../acceptance/terminal.ts";

const works = HAS_SANDBOX && has("tmux") && has("bash");
const title = works ? "a shell in a workspace" : "a shell in a workspace (skipped: no bubblewrap, tmux or bash here)";
const PROMPT = "w1:confidential /workspace $";

describe.skipIf(!works)(title, () => {
  const world = new World();
  let ana: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    ana.files("data", { "rows.csv": "1" });
    await ana.ok("push", "data", "--name", "cohort", "--class", "confidential");
    await ana.ok("ws", "create", "w1", "--input", "cohort", "--purpose", "modelling", "--ttl", "10m");
  });

  async function shell(name = "w1"): Promise<Terminal> {
    const terminal = await Terminal.open(ana, "shell", name);
    await terminal.expect(`${name}:`);
    return terminal;
  }

  it("has job control, the terminal's size, its name and its keys, without a word of warning", async () => {
    const terminal = await shell();
    await terminal.expect(PROMPT);
    expect(terminal.screen().trim()).toBe(PROMPT);
    terminal.type("sleep 300");
    await terminal.expect("$ sleep 300");
    // Until it is the job that the terminal's keys go to.
    await new Promise((resolve) => setTimeout(resolve, 300));
    terminal.keys("C-z");
    await terminal.expect("Stopped                 sleep 300");
    terminal.type("bg; jobs; set -m; fg");
    await terminal.expect("Running                 sleep 300 &");
    terminal.keys("C-c");
    terminal.type("echo $? after; stty size; tty >/dev/null && echo $TERM-$LANG; echo grüße 日本");
    await terminal.expect("130 after");
    await terminal.expect("120 300");
    await terminal.expect("xterm-256color-C.UTF-8");
    await terminal.expect("\ngrüße 日本");
    terminal.resize(77, 33);
    terminal.type("clear; stty size; trap 'echo resized to $(stty size)' WINCH");
    await terminal.expect("33 77");
    terminal.resize(88, 44);
    await terminal.expect("resized to 44 88");
    terminal.type(
      "clear; echo one >/dev/stderr; echo two >/proc/self/fd/2; echo three | tee /dev/stderr >/dev/null; whoami",
    );
    await terminal.expect("one\ntwo\nthree\nuser\n");
    terminal.keys("C-d");
    expect(await terminal.exit(0)).toBe(0);
    expect(terminal.screen()).not.toMatch(/no job control|cannot set terminal/);
  });

  it("ends with its own code, keeps its history in the workspace, and is a run like any other", async () => {
    const word = marker();
    const first = await shell();
    first.type(`echo ${word}`);
    first.type("exit 7");
    expect(await first.exit()).toBe(7);
    expect(first.screen()).toMatch(/w1 ended with 7 after .* log #\d+/);
    const second = await shell();
    second.type("clear; history | tail -3");
    await second.expect(`echo ${word}\n`);
    second.keys("C-d");
    expect(await second.exit()).toBe(0);
    expect(holders(world.root, [word])).toEqual([]);
    const { runs } = await ana.json<WorkspaceDetail>("ws", "show", "w1");
    expect(runs.map(({ argv, exit }) => [argv, exit])).toEqual([
      [["shell"], 0],
      [["shell"], 7],
      [["shell"], 0],
    ]);
    const { entries } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list");
    const done = entries.filter(({ action, phase }) => action === "workspace.run" && phase === "done");
    expect(done).toHaveLength(3);
  });

  it("opens only on a terminal, of a workspace that is there", async () => {
    const { exit, code, next } = await ana.fails("shell", "w1");
    expect({ exit, code, next }).toEqual({ exit: 125, code: "USAGE", next: "cloister run w1 -- sh" });
    expect(await ana.fails("shell", "nosuch")).toMatchObject({ exit: 125 });
    const terminal = await Terminal.open(ana, "shell", "nosuch");
    expect(await terminal.exit()).toBe(125);
    expect(terminal.screen()).toContain("there is no workspace nosuch");
  });

  it.each([
    ["the shell kills itself", "stty raw -echo; kill -9 $$", 137],
    ["it leaves a broken terminal", "stty raw -echo; exit 3", 3],
  ])("gives the terminal back whole where %s", async (_what, line, exit) => {
    const terminal = await shell();
    terminal.type(line);
    expect(await terminal.exit(0)).toBe(exit);
  });

  it.each([
    ["SIGTERM", 143],
    ["SIGHUP", 129],
    ["SIGKILL", 137],
  ] as const)("gives the terminal back whole at %s to cloister, and nothing of it goes on", async (signal, exit) => {
    const seconds = String(3000 + exit);
    const terminal = await shell();
    terminal.type(`echo began; sleep ${seconds}`);
    await terminal.expect("\nbegan");
    process.kill(terminal.pid(), signal);
    // Nobody but the one who relays the terminal is left to do it where cloister was killed.
    expect(await terminal.exit(signal === "SIGKILL" ? 5000 : 0)).toBe(exit);
    await until("the end of the shell", 8000, () => !commandLines().some((line) => line === `sleep\0${seconds}\0`));
    expect((await ana.cli("run", "w1", "--", "true")).exit).toBe(0);
  });

  it("that is left at once ends with 0", async () => {
    const terminal = await shell();
    terminal.keys("C-d");
    expect(await terminal.exit()).toBe(0);
  });

  it("is told when the workspace's time is over, and the terminal comes back", async () => {
    await ana.ok("ws", "create", "short", "--purpose", "modelling", "--ttl", "5s");
    const terminal = await shell("short");
    terminal.type("stty raw -echo; sleep 60");
    expect(await terminal.exit(0)).toBe(137);
    expect(terminal.screen()).toContain("the time of workspace short is over");
  });
});

function commandLines(): readonly string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8");
      } catch {
        return "";
      }
    });
}
