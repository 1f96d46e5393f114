// The whole way of a workspace with podman, by the real program: allowed by the policy, run, pushed from, destroyed.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Receipt, RunResult, VersionDetail, WorkspaceDetail } from "../../src/index.ts";
import { has, type Member, World } from "../acceptance/harness.ts";
import { withNames } from "../acceptance/named-hosts.ts";
import { Terminal } from "../acceptance/terminal.ts";
import { titleOf } from "../sandbox/contract/subject.ts";
import { httpServer, LOOPBACK, type Outside } from "../sandbox/egress/rig.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, env, remove } = await podmanSubject();
afterAll(remove);

const NAMES = { "good.test": "127.0.0.1", "bad.test": "127.0.0.1" };
/** Asks a host at its own address; where it has none, by the proxy that the environment names. */
const ASK = `use Socket; my ($name, $port) = @ARGV; my ($host, $at, $path) = ($name, $port, "/");
  if (!inet_aton($name)) { print "no address\\n"; $path = "http://$name:$port/"; ($host, $at) = $ENV{http_proxy} =~ m{//([^:]+):(\\d+)} }
  socket(my $s, PF_INET, SOCK_STREAM, 0) or die; connect($s, pack_sockaddr_in($at, inet_aton($host))) or die;
  syswrite($s, "GET $path HTTP/1.1\\r\\nHost: $name:$port\\r\\nConnection: close\\r\\n\\r\\n"); print <$s>;`;

describe.skipIf(!subject.works)(`a workspace of ${titleOf(subject)}, from the command line`, () => {
  const world = new World();
  const use = ["--purpose", "modelling", "--ttl", "10m"];
  const { image = "" } = subject;
  let ana: Member;
  let web: Outside;
  let good: string;
  let tools: string;

  const containers = () =>
    execFileSync("podman", ["ps", "--all", "--quiet"], { env: { ...process.env, ...env }, encoding: "utf8" })
      .split("\n")
      .filter(Boolean);
  const cli = async (...args: readonly string[]) => await ana.with({ env }, ...args);
  const json = async <T>(...args: readonly string[]): Promise<T> => {
    const { exit, out, err } = await cli(...args, "--json");
    if (exit !== 0) throw new Error(`cloister ${args.join(" ")} ended with ${String(exit)}:\n${out}${err}`);
    return JSON.parse(out) as T;
  };

  beforeAll(async () => {
    ana = await world.project("ana", "solo");
    web = await httpServer();
    good = `good.test:${String(web.port)}`;
    tools = ana.files("tools", { "bin/x": "" });
    ana.files("cohort", { "rows.csv": "id\n1\n" });
    await ana.ok("push", "cohort", "--name", "cohort", "--class", "confidential");
  });

  afterAll(() => web.close());

  it("needs an image that the policy names, by digest", async () => {
    const unnamed = await cli("ws", "create", "p1", "--driver", "podman", "--image", image, ...use);
    expect(unnamed.exit).toBe(3);
    expect(unnamed.err).toContain("may use no container image");
    const none = await cli("ws", "create", "p1", "--driver", "podman", ...use);
    expect(none).toMatchObject({ exit: 2, err: expect.stringContaining("podman needs an image") });
    const bubblewrap = await cli("ws", "create", "p1", "--driver", "bubblewrap", "--image", image, ...use);
    expect(bubblewrap.exit).not.toBe(0);
    expect((await cli("ws", "list")).out).not.toContain("p1");
  });

  it("is made of the policy's only image, used, pushed from and destroyed", async () => {
    const file = join(ana.folder, "cloister.policy.yaml");
    const allowed = `workspace: { drivers: [podman], images: ["${image}"], gpu: true, mounts: ["${tools}"], `;
    const network = `network: ["${good}"], private-networks: [${LOOPBACK}]`;
    const text = readFileSync(file, "utf8").replaceAll("workspace: { ", allowed).replaceAll("network: []", network);
    writeFileSync(file, text);
    await ana.ok("policy", "propose", "--yes");
    const made = await json<WorkspaceDetail>("ws", "create", "p1", "--input", "cohort", ...use);
    expect(made).toMatchObject({ state: "running", driver: "podman", image, label: "confidential" });
    const refused = await cli("ws", "create", "p2", "--driver", "bubblewrap", ...use);
    expect(refused).toMatchObject({ exit: 3, err: expect.stringContaining("run with podman, not bubblewrap") });

    const ran = await cli(
      "run",
      "p1",
      "--json",
      "--",
      "sh",
      "-c",
      "cat /inputs/cohort/rows.csv >model; echo e >/dev/stderr; exit 4",
    );
    expect(ran.exit).toBe(4);
    expect((JSON.parse(ran.out) as RunResult).exit).toBe(4);
    expect(ran.err).toContain("e\n");
    await json("push", "model", "--from", "p1", "--name", "model", "--class", "confidential", "--kind", "model");
    expect((await json<VersionDetail>("show", "model")).class).toBe("confidential");
    expect((await json<WorkspaceDetail>("ws", "show", "p1")).runs).toHaveLength(1);
    expect((await json<WorkspaceDetail>("ws", "extend", "p1", "--ttl", "20m")).leftMs).toBeGreaterThan(15 * 60_000);
    expect(await json<Receipt>("ws", "destroy", "p1", "--yes")).toMatchObject({ workspace: "p1" });
    expect((await cli("run", "p1", "--", "true")).exit).toBe(125);
  });

  it.each([
    ["--mount-ro", "folders of the host"],
    ["--volume", "memory only"],
    ["--gpu", "GPU"],
  ])("is not made with %s, which podman does not have", async (flag, why) => {
    const words = { "--mount-ro": [flag, tools], "--volume": [flag, "encrypted"], "--gpu": [flag] }[flag] ?? [];
    const { exit, out, err } = await cli("ws", "create", "p3", ...words, ...use);
    expect({ exit, out }).toEqual({ exit: 9, out: "" });
    expect(err).toContain(why);
    expect(err).toMatch(/^ {2}next {3}/m);
    expect((await cli("ws", "list")).out).not.toContain("p3");
    expect(containers()).toEqual([]);
  });

  it("reaches the hosts on its list and no others, and runs nothing with --trace", { timeout: 120_000 }, async () => {
    await cli("ws", "create", "p4", "--network", good, ...use);
    const ask = async (host: string) =>
      await withNames(ana, NAMES, ["run", "p4", "--", "/usr/bin/perl", "-e", ASK, "--", host, String(web.port)], {
        env,
      });
    expect((await ask("good.test")).out).toMatch(/^HTTP\/1\.1 200/);
    // It has no address, and by the proxy it is refused.
    expect((await ask("bad.test")).out).toMatch(/^no address\nHTTP\/1\.1 403/);
    expect(web.requests).toHaveLength(1);
    const { runs } = await json<WorkspaceDetail>("ws", "show", "p4", "--network");
    expect(runs.at(-1)?.network?.decisions).toMatchObject([{ host: "bad.test", allowed: false }]);
    const traced = await cli("run", "p4", "--trace", "--", "sh", "-c", "echo ran >here");
    expect(traced).toMatchObject({ exit: 125, err: expect.stringContaining("leave out --trace") });
    expect((await cli("run", "p4", "--", "ls")).out).toBe("");
    await json("ws", "destroy", "p4", "--yes");
  });

  it.skipIf(!has("tmux") || !has("bash"))(
    "has a shell with job control on a terminal",
    { timeout: 120_000 },
    async () => {
      await json("ws", "create", "p5", "--input", "cohort", ...use);
      const terminal = await Terminal.openWith(ana, { ...ana.env, ...env }, "shell", "p5");
      await terminal.expect("p5:confidential /workspace $");
      expect(terminal.screen()).not.toMatch(/no job control|cannot set terminal/);
      terminal.type("sleep 300");
      await terminal.expect("$ sleep 300");
      await sleep(500);
      terminal.keys("C-z");
      await terminal.expect("Stopped                 sleep 300");
      terminal.type("fg");
      await sleep(500);
      terminal.keys("C-c");
      terminal.type("echo $? after; stty size; tty >/dev/null && echo $TERM-$LANG");
      await terminal.expect("130 after\n120 300\nxterm-256color-C.UTF-8");
      terminal.type("printf '\\033c'; trap 'echo resized to $(stty size)' WINCH");
      await sleep(300);
      terminal.resize(88, 44);
      await terminal.expect("resized to 44 88");
      terminal.type("printf '\\033c'; echo one >/dev/stderr; echo two >/proc/self/fd/2");
      await terminal.expect("one\ntwo\n");
      terminal.type("stty raw -echo; exit 7");
      expect(await terminal.exit(2000)).toBe(7);
      await json("ws", "destroy", "p5", "--yes");
    },
  );

  it("is found by the doctor", async () => {
    const { out } = await cli("doctor");
    expect(out).toMatch(/^good\tpodman\tpodman can/m);
  });
});
