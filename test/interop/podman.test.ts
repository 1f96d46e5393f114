// The contract of all drivers, kept by podman. As slow as containers are to start.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { groupSupport } from "../../src/sandbox/podman/group.ts";
import { compile } from "../sandbox/compiled.ts";
import { commands } from "../sandbox/contract/commands.ts";
import { listings } from "../sandbox/contract/listings.ts";
import { lives } from "../sandbox/contract/lives.ts";
import { lookups } from "../sandbox/contract/lookups.ts";
import { secretFiles } from "../sandbox/contract/secret-files.ts";
import { titleOf } from "../sandbox/contract/subject.ts";
import { volumes } from "../sandbox/contract/volumes.ts";
import { waysOut } from "../sandbox/contract/ways-out.ts";
import { DISK_BYTES, World } from "./escape/world.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, env, remove } = await podmanSubject();
afterAll(remove);

commands(subject);
volumes(subject);
secretFiles(subject);
listings(subject);
lookups(subject);
waysOut(subject);
lives(subject);

test("podman says what it enforces and what it does not", () => {
  const { driver, enforced, notEnforced } = subject.make().describe();
  expect(driver).toBe("podman");
  expect(enforced.join("\n")).toMatch(/no network/);
  expect(notEnforced.join("\n")).toMatch(/swapped to disk/);
});

describe.skipIf(!subject.works)(`the volume of a workspace of ${titleOf(subject)}`, () => {
  test("keeps no file of a command whose process was killed", async () => {
    const built = compile("test/sandbox/contract/alone.ts");
    const sandbox = subject.make();
    const state = await sandbox.create({ id: "test", ttlMs: 60_000, diskBytes: 1024 * 1024 });
    const kept = () =>
      execFileSync("podman", ["exec", state.container ?? "", "find", "/mnt/secrets"], options).split("\n");
    const options = { env: { ...process.env, ...env }, encoding: "utf8" } as const;
    try {
      const run = [built.program, "run", JSON.stringify(state), "cat /run/secrets/key; sleep 60", "a secret"];
      const child = spawn(process.execPath, run, { stdio: ["ignore", "pipe", "inherit"] });
      expect(String(await once(child.stdout, "data"))).toBe("a secret");
      expect(kept().some((path) => path.endsWith("/key"))).toBe(true);
      child.kill("SIGKILL");
      await once(child, "close");
      await vi.waitFor(() => expect(kept()).toEqual(["/mnt/secrets", ""]), { timeout: 10_000, interval: 200 });
    } finally {
      await sandbox.stop(state);
      rmSync(built.folder, { recursive: true, force: true });
    }
  });
});

const counts = subject.works && groupSupport(process.getuid?.() ?? 0).length === 3;

describe.skipIf(!counts)(
  `limits of a workspace of ${titleOf(subject)}${counts ? "" : " (skipped: no groups here)"}`,
  () => {
    const limits = { cpus: 1, memoryBytes: 64_000_000, processes: 40 };
    let folder: string;
    let world: World;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
      world = await World.make(folder, "", limits, DISK_BYTES, "memory", subject.make());
    });

    afterAll(async () => {
      await world.end();
      expect(world.state.cgroup?.folders.filter((each) => existsSync(each))).toEqual([]);
      rmSync(folder, { recursive: true, force: true });
    });

    test("are held by a control group for all its containers together", async () => {
      const held = world.sandbox.held(world.state).filter((each) => each.held);
      expect(held.map(({ limit }) => limit)).toEqual(["cpus", "memory", "processes", "disk", "open-files"]);
      const ofHolder = readFileSync(`/proc/${String(world.state.pid)}/cgroup`, "utf8");
      for (const name of ["cpu", "memory", "pids"]) expect(ofHolder).toMatch(new RegExp(`:${name}:.*/cloister-`));
    });

    test("are reached by commands that would each be within them", { timeout: 60_000 }, async () => {
      // 60 MB twice over, in groups that may have 64 MB and the volume's 16.8 MB.
      const use = () => world.perl('my $all = "x" x 30e6; my $more = $all; sleep 5');
      const ended = await Promise.all([use(), use()]);
      expect(ended.filter(({ stoppedBy }) => stoppedBy === "memory").length).toBeGreaterThan(0);
      expect((await world.sh("echo still works")).out).toBe("still works\n");
    });

    test("keep processes of all commands to a number", async () => {
      const fork = "my $pid = fork; last unless defined $pid; if ($pid == 0) { sleep 20; exit } $n++";
      const { out } = await world.perl(`my $n = 0; while ($n < 200) { ${fork} } print $n`);
      // The limit, and what there is beside it for Cloister's own.
      expect(Number(out)).toBeGreaterThan(20);
      expect(Number(out)).toBeLessThan(40 + 32);
      expect((await world.sh("echo still works")).out).toBe("still works\n");
    });
  },
);
