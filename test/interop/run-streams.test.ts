// The streams of `run`, as scripts use them: every command line here is one of a shell, outside.
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { BIN, HAS_SANDBOX, has, type Member, start, World } from "../acceptance/harness.ts";
import { Terminal } from "../acceptance/terminal.ts";

const works = HAS_SANDBOX && has("bash");
const title = works ? "streams of a run" : "streams of a run (skipped: no bubblewrap or bash here)";

describe.skipIf(!works)(title, () => {
  const world = new World();
  let ana: Member;
  const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) % 256));
  const digest = createHash("sha256").update(bytes).digest("hex");

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    await ana.ok("ws", "create", "w1", "--purpose", "modelling", "--ttl", "10m");
    writeFileSync(join(ana.folder, "bytes"), bytes);
  });

  /** Runs a line of bash in which `run` is `cloister run w1 --`. */
  async function line(
    script: string,
  ): Promise<{ readonly exit: number | NodeJS.Signals; readonly out: string; readonly err: string }> {
    const run = `run() { "${process.execPath}" "${BIN}" run w1 -- "$@"; }`;
    const { exit, out, err } = await start(["bash", "-c", `${run}\n${script}`], ana.env, { cwd: ana.folder }).ended;
    return { exit, out, err };
  }

  it.each([
    ["a pipe", "cat bytes | run sha256sum"],
    ["a file", "run sha256sum <bytes"],
    ["a pipe on both sides", "cat bytes | run cat | run sha256sum"],
    ["a file on both sides", "run cat <bytes >copy; run sha256sum <copy"],
  ])("take every byte in and out: %s", async (_what, script) => {
    expect(await line(script)).toEqual({ exit: 0, out: `${digest}  -\n`, err: "" });
  });

  it.each([
    ["closed", "run cat <&-"],
    ["/dev/null", "run cat </dev/null"],
    ["an empty pipe", ": | run cat"],
  ])("end at once where the input is %s", async (_what, script) => {
    expect(await line(`${script}; echo $?`)).toEqual({ exit: 0, out: "0\n", err: "" });
  });

  it.each([
    ["pipes", "|cat >out.txt", "2> >(cat >err.txt)"],
    ["files", ">out.txt", "2>err.txt"],
    ["one of each", ">out.txt", "2> >(cat >err.txt)"],
  ])("can be opened by name inside, with %s outside", async (_what, out, err) => {
    const script =
      "echo a >/dev/stderr; echo b >/proc/self/fd/2; echo c | tee /dev/stderr; echo d >/dev/stdout; cat /dev/stdin";
    await line(`{ echo e | run sh -c '${script}' ${out}; } ${err}; wait; sleep 0.2`);
    expect(readFileSync(join(ana.folder, "out.txt"), "utf8")).toBe("c\nd\ne\n");
    expect(readFileSync(join(ana.folder, "err.txt"), "utf8")).toBe("a\nb\nc\n");
  });

  it("keep their order where both go to the same place", async () => {
    const script = "for i in 1 2 3; do echo o$i; echo e$i >&2; done";
    for (const both of ["2>&1 | cat", ">both.txt 2>&1; cat both.txt"]) {
      expect((await line(`run sh -c '${script}' ${both}`)).out).toBe("o1\ne1\no2\ne2\no3\ne3\n");
    }
  });

  it("are passed on as they come, and to the last byte however slowly they are read", async () => {
    const live = await line(`run sh -c 'echo one; sleep 1; echo two' | while read word; do echo $word $SECONDS; done`);
    const [one = 0, two = 0] = [...live.out.matchAll(/\w+ (\d+)/g)].map((match) => Number(match[1]));
    expect(two - one).toBeGreaterThanOrEqual(1);
    const { out } = await line("run sh -c 'head -c 50000000 /dev/zero; echo last' | { sleep 1; tail -c 5; }");
    expect(out).toBe("last\n");
  });

  it("end the command by SIGPIPE where nobody reads on", async () => {
    expect(await line(`run yes | head -1; echo \${PIPESTATUS[0]}`)).toEqual({ exit: 0, out: "y\n141\n", err: "" });
  });

  it("say why where the output cannot be written", async () => {
    const { exit, err } = await line("run echo x >/dev/full");
    expect(exit).toBe(125);
    expect(err).toContain("the output could not be written");
  });

  it("never give a file outside to be written", async () => {
    writeFileSync(join(ana.folder, "precious"), "precious\n");
    await line("run sh -c 'echo spoilt >/proc/self/fd/0; : >/dev/stdin' <precious");
    expect(readFileSync(join(ana.folder, "precious"), "utf8")).toBe("precious\n");
  });

  it.each([
    ["INT", 130],
    ["TERM", 143],
    ["HUP", 129],
  ])("SIG%s asks the command to end, and its last words come through", async (signal, exit) => {
    const script = `trap "echo bye; exit 3" TERM; echo up; while :; do sleep 0.05; done`;
    const running = ana.start(["run", "w1", "--", "sh", "-c", script]);
    await new Promise((resolve) => running.child.stdout?.once("data", resolve));
    running.child.kill(`SIG${signal}` as NodeJS.Signals);
    expect(await running.ended).toMatchObject({ exit, out: "up\nbye\n" });
  });

  it("serve scripts, and jobs that have neither a terminal nor much of an environment", async () => {
    writeFileSync(join(ana.folder, "script.sh"), `#!/bin/sh\n"${process.execPath}" "${BIN}" run w1 -- wc -c\n`, {
      mode: 0o755,
    });
    expect((await line("printf abc | ./script.sh | run cat")).out).toBe("3\n");
    const { HOME = "", CLOISTER_PASSPHRASE_FILE = "" } = ana.env;
    const cron = { HOME, CLOISTER_PASSPHRASE_FILE, PATH: "/usr/bin:/bin" };
    const argv = ["setsid", "-w", process.execPath, BIN, "run", "-C", ana.folder, "w1", "--", "echo", "from cron"];
    expect(await start(argv, cron, { cwd: "/" }).ended).toMatchObject({ exit: 0, out: "from cron\n", err: "" });
  });

  it.skipIf(!has("tmux"))(
    "are a terminal's where there is one, also for a part of them, and for a job in the background",
    async () => {
      const script = [
        `c() { "${process.execPath}" "${BIN}" run w1 -- "$@"; }; set -m`,
        "c sh -c 'echo tty1 >/dev/stderr; test -t 0 && test -t 1 && test -t 2 && stty size'",
        "c sh -c 'echo part1; echo part2 >&2; test -t 0 || echo no terminal' >part.txt; cat part.txt",
        "echo piped | c cat",
        "c sh -c 'cat; echo background' & wait",
        "echo all done",
      ].join("\n");
      writeFileSync(join(ana.folder, "terminal.sh"), script);
      const terminal = await Terminal.command(ana, "bash", "terminal.sh");
      await terminal.expect("all done");
      expect(await terminal.exit(0)).toBe(0);
      const lines = terminal
        .screen()
        .split("\n")
        .filter((text) => text.trim() !== "" && !/ended with|^\[|Done/.test(text));
      expect(lines).toEqual(["tty1", "120 300", "part2", "part1", "no terminal", "piped", "background", "all done"]);
    },
  );
});
