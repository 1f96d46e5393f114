import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { availableParallelism } from "node:os";
import { childrenOf } from "../../../src/sandbox/host/process.ts";
import { survivorsWith } from "../../interop/escape/world.ts";
import type { Case } from "../cases.ts";
import { isHeld, limited, othersWork, pidsWith, until } from "./workspaces.ts";

/** Forks as long as it may, says how often, and keeps them for a time. */
const FORK = `my $n = 0; for (;;) { my $p = fork; last unless defined $p; if (!$p) { sleep 20; exit } last if ++$n > 3000 }
  print "$n\\n";`;
/** How many of its own processes Cloister adds to the limit of all commands together. */
const OWN = 16;

export const PROCESSES: readonly Case[] = [
  limited("no more processes than allowed", { processes: 40 }, async (world) => {
    assert.ok(isHeld(world, "processes"));
    const { out } = await world.perl(FORK);
    assert.ok(Number(out) > 20 && Number(out) < 40, out);
  }),

  limited("two commands have no more processes together", { processes: 40 }, async (world) => {
    const mark = randomUUID();
    const first = world.perl(`${FORK} sleep 3`, mark);
    await until("running", () => pidsWith(mark).length >= 30);
    const second = await world.perl(FORK).catch(() => ({ out: "0" }));
    const total = Number((await first).out) + Number(second.out);
    assert.ok(total < 40 + OWN, String(total));
  }),

  limited("a fork bomb leaves others alone, and ends with its workspace", { processes: 200 }, async (world, place) => {
    await world.sandbox.keep(world.state);
    const mark = `bomb-${randomUUID()}`;
    const bomb = world.perl(`$SIG{$_} = "IGNORE" for qw(TERM HUP INT); fork while 1`, mark);
    await until("running", () => pidsWith(mark).length >= 150);
    await othersWork(place);
    // The holder looks at the clock now and then, and starts a process to wait.
    const { pid } = world.state;
    const waiting = () => childrenOf(pid).find((child) => commandOf(child) === "sleep");
    const first = waiting();
    assert.ok(first !== undefined);
    process.kill(first, "SIGKILL");
    await until("waiting again", () => ![first, undefined].includes(waiting()));
    assert.ok(world.sandbox.alive(world.state));
    await world.sandbox.stop(world.state);
    assert.equal((await bomb).exit, 137);
    assert.deepEqual(await survivorsWith(mark), []);
  }),

  limited("no more open files than allowed", { openFiles: 64 }, async (world) => {
    const { out } = await world.perl(`my @f; for (1..200) { open(my $f, "<", "/dev/null") or last; push @f, $f }
      print scalar(@f), " ", $!+0;`);
    const [count, errno] = out.split(" ").map(Number);
    assert.ok((count ?? 0) > 40 && (count ?? 0) < 64, out);
    assert.equal(errno, 24);
    const raised = await world.sh("ulimit -n 65 2>&1; ulimit -Hn");
    assert.match(raised.out, /^64$/m);
  }),

  limited("busy processes have the time of one processor together", { cpus: 1 }, async (world) => {
    assert.ok(isHeld(world, "cpus"));
    if (availableParallelism() < 2) return;
    const { out } = await world.perl(`use Time::HiRes "time"; my $end = time + 2;
      for (1..4) { if (!fork) { 1 while time < $end; exit } } 1 while wait > 0; my @t = times; print $t[2] + $t[3]`);
    assert.ok(Number(out) > 0.1 && Number(out) < 2.6, `${out} s of processor time in 2 s`);
  }),

  limited("what is pinned to processors stays there", { cpus: 1 }, async (world) => {
    if (!world.state.processors) return;
    const list = (await world.sh("grep Cpus_allowed_list /proc/self/status")).out.split("\t")[1];
    assert.equal(list, `${world.state.processors.join(",")}\n`);
    const { exit } = await world.sh("taskset -cp 0-63 $$ 2>/dev/null");
    assert.notEqual(exit, 0);
    assert.equal((await world.run(["nproc"])).out, "1\n");
  }),

  limited("every process of a workspace is in its group", { memoryBytes: 200e6, processes: 100 }, async (world) => {
    const { state } = world;
    const mark = randomUUID();
    const running = world.sh("/bin/sleep 2; :", mark);
    await until("running", () => pidsWith(mark).length >= 2);
    const pids = [state.pid, ...pidsWith(mark)];
    for (const folder of state.cgroup?.folders ?? []) {
      const name = folder.slice(folder.lastIndexOf("/"));
      for (const pid of pids) assert.ok(readFileSync(`/proc/${String(pid)}/cgroup`, "utf8").includes(name), folder);
    }
    // What the group does not count, the user namespace does.
    assert.notEqual(readlinkSync(`/proc/${String(state.pid)}/ns/user`), readlinkSync("/proc/self/ns/user"));
    await running;
  }),

  {
    name: "a group that was left behind is removed with the next workspace",
    async run({ folder, program }) {
      const text = execFileSync(process.execPath, [program, "create", folder], { encoding: "utf8" });
      const left = JSON.parse(text) as {
        readonly pid: number;
        readonly cgroup?: { readonly folders: readonly string[] };
      };
      process.kill(left.pid, "SIGKILL");
      await until("ended", () => !existsSync(`/proc/${String(left.pid)}`));
      const folders = left.cgroup?.folders ?? [];
      await limited("next", { memoryBytes: 64e6, processes: 64 }, async () => undefined).run({ folder, program });
      for (const path of folders) assert.throws(() => readFileSync(`${path}/cgroup.procs`), path);
    },
  },
];

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${String(pid)}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}
