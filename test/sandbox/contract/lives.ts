import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootTimeMs } from "../../../src/sandbox/host/boot-time.ts";
import { identify, isRunning, uidOf } from "../../../src/sandbox/host/process.ts";
import type { HolderState } from "../../../src/sandbox/sandbox.ts";
import { DISK_BYTES, processesWith, survivorsWith, World } from "../../interop/escape/world.ts";
import { compile } from "../compiled.ts";
import { IS_ROOT } from "../here.ts";
import { type Subject, titleOf } from "./subject.ts";

/** How a workspace of every driver begins and ends. */
export function lives(subject: Subject): void {
  describe.skipIf(!subject.works)(`the life of a workspace of ${titleOf(subject)}`, () => {
    const sandbox = subject.make();
    const spec = { id: "test", ttlMs: 60_000, diskBytes: 1024 * 1024 };
    let built: { readonly folder: string; readonly program: string };
    let folder: string;

    beforeAll(() => {
      built = compile("test/sandbox/contract/alone.ts");
      folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
    });

    afterAll(() => {
      rmSync(built.folder, { recursive: true, force: true });
      rmSync(folder, { recursive: true, force: true });
    });

    const gone = (state: HolderState) =>
      expect(sandbox.list(state, "workspace")).rejects.toMatchObject({ code: "NOT_FOUND" });

    test("begins empty, is found again from its state, and ends by stop", async () => {
      const state = JSON.parse(JSON.stringify(await sandbox.create(spec))) as HolderState;
      expect(state).toMatchObject({ driver: subject.driver, id: "test", diskBytes: spec.diskBytes });
      expect(state.expiresMs).toBeGreaterThan(Date.now() + 50_000);
      const again = subject.make();
      expect(again.alive(state)).toBe(true);
      expect((await again.list(state, "workspace")).entries.size).toBe(0);
      await again.stop(state);
      expect(sandbox.alive(state)).toBe(false);
      await gone(state);
      await sandbox.stop(state);
    });

    test("never runs as root", async () => {
      const state = await sandbox.create(spec);
      const uids = /^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)/m.exec(
        readFileSync(`/proc/${String(state.pid)}/status`, "utf8"),
      );
      expect(uids?.slice(1)).toEqual(Array(4).fill(String(state.uid)));
      expect(state.uid).not.toBe(0);
      await sandbox.stop(state);
    });

    test.skipIf(!IS_ROOT)(
      `of root cannot be entered as root by a changed state${IS_ROOT ? "" : " (skipped: not root)"}`,
      async () => {
        const state = await sandbox.create(spec);
        await expect(sandbox.list({ ...state, uid: 0 }, "workspace")).rejects.toMatchObject({ code: "FAILURE" });
        await sandbox.stop(state);
      },
    );

    test("ends at its time while no process of ours is there", async () => {
      const child = spawn(process.execPath, [built.program, "create", subject.driver, subject.image ?? ""], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let text = "";
      child.stdout.on("data", (chunk) => {
        text += String(chunk);
      });
      const [code] = (await once(child, "close")) as [number];
      expect(code).toBe(0);
      const state = JSON.parse(text) as HolderState;
      expect(isRunning(state)).toBe(true);
      for (let tries = 0; isRunning(state) && tries < 500; tries++) await sleep(20);
      expect(isRunning(state)).toBe(false);
      expect(Date.now()).toBeGreaterThanOrEqual(state.expiresMs);
      await gone(state);
    });

    test("is over by the wall clock, even where its timer stood still", async () => {
      const state = await sandbox.create(spec);
      const later = subject.make({ now: () => Date.now() + spec.ttlMs });
      expect(later.alive(state)).toBe(false);
      await expect(later.list(state, "workspace")).rejects.toMatchObject({ code: "NOT_FOUND" });
      await later.stop(state);
      expect(isRunning(state)).toBe(false);
    });

    test("is over by the time since boot, even where the clock was set back", async () => {
      const bootMs = bootTimeMs() ?? 0;
      const state = await sandbox.create(spec);
      expect(state.expiresBootMs).toBeGreaterThan(bootMs + spec.ttlMs - 1000);
      const setBack = (sinceMs: number) =>
        subject.make({ now: () => Date.now() - 86_400_000, bootTime: () => bootMs + sinceMs });
      expect(setBack(0).alive(state)).toBe(true);
      expect(setBack(spec.ttlMs + 1000).alive(state)).toBe(false);
      await expect(setBack(spec.ttlMs + 1000).extend(state, 60_000)).rejects.toMatchObject({ code: "NOT_FOUND" });
      await sandbox.stop(state);
    });

    test("has a later end once it is extended, and by another process, too", async () => {
      const state = await sandbox.create({ ...spec, ttlMs: 2000 });
      await sandbox.keep(state);
      const extended = await subject.make().extend(state, 5000);
      expect(extended.expiresMs).toBeGreaterThan(state.expiresMs + 2000);
      await sleep(Math.max(0, state.expiresMs - Date.now()) + 1200);
      expect(isRunning(state)).toBe(true);
      expect(sandbox.alive(state)).toBe(false);
      expect(await sandbox.list(extended, "workspace")).toMatchObject({ entries: new Map(), whole: true });
      for (let tries = 0; isRunning(state) && tries < 500; tries++) await sleep(20);
      expect(isRunning(state)).toBe(false);
      expect(Date.now()).toBeGreaterThan(extended.expiresMs - 1000);
    });

    test("ends with the process that made it, killed or not, until it is kept", async () => {
      const child = spawn(process.execPath, [built.program, "begin", subject.driver, subject.image ?? ""], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [text] = (await once(child.stdout, "data")) as [Buffer];
      const state = JSON.parse(String(text)) as HolderState;
      expect(isRunning(state)).toBe(true);
      child.kill("SIGKILL");
      for (let tries = 0; isRunning(state) && tries < 250; tries++) await sleep(20);
      expect(isRunning(state)).toBe(false);
    });

    test("ends with everything in it when its holder is killed", async () => {
      const world = await World.make(folder, "", {}, DISK_BYTES, "memory", subject.make());
      const mark = `killed-${world.secret}`;
      const running = world.run(["sh", "-c", "trap '' TERM HUP; while :; do sleep 0.05; done", mark]);
      while (processesWith(mark).length < 2) await sleep(10);
      process.kill(world.state.pid, "SIGKILL");
      expect((await running).exit).toBe(137);
      expect(await survivorsWith(mark)).toEqual([]);
      for (let tries = 0; sandbox.alive(world.state) && tries < 200; tries++) await sleep(10);
      expect(sandbox.alive(world.state)).toBe(false);
      await expect(world.sh("true")).rejects.toMatchObject({ code: "NOT_FOUND" });
      await world.end();
    });

    test("a process that was given a workspace's old pid is left alone", async () => {
      const bystander = spawn("sleep", ["30"], { stdio: "ignore" });
      // Start times are counted in hundredths of a second, and a holder may be there in less.
      await sleep(50);
      const state = await sandbox.create(spec);
      await sandbox.stop(state);
      const reused = { ...state, pid: bystander.pid ?? 0 };
      expect(sandbox.alive(reused)).toBe(false);
      await gone(reused);
      await sandbox.stop(reused);
      expect(bystander.exitCode).toBeNull();
      expect(bystander.signalCode).toBeNull();
      bystander.kill("SIGKILL");
      await once(bystander, "close");
    });

    test("a record that was changed to name another process has nobody ended, and nothing entered", async () => {
      const bystanders = [[], IS_ROOT ? ["setpriv", "--reuid=61177", "--regid=61177", "--clear-groups"] : []].map(
        (drop) => {
          const [file = "", ...args] = [...drop, "sleep", "30"];
          return spawn(file, args, { stdio: "ignore" });
        },
      );
      const state = await sandbox.create(spec);
      await sleep(200);
      for (const bystander of bystanders) {
        const other = identify(bystander.pid ?? 0);
        if (!other) throw new Error("it has ended");
        const uid = uidOf(other.pid) ?? 0;
        for (const changed of [
          { ...state, ...other },
          { ...state, ...other, uid },
        ]) {
          await expect(sandbox.stop(changed)).rejects.toMatchObject({ code: "FAILURE" });
          await expect(sandbox.list(changed, "workspace")).rejects.toMatchObject({ code: "FAILURE" });
        }
        expect(bystander.exitCode).toBeNull();
        expect(bystander.signalCode).toBeNull();
        bystander.kill("SIGKILL");
        await once(bystander, "close");
      }
      await sandbox.stop(state);
    });

    test("a command ends with the process that started it; the workspace stays", async () => {
      const state = await sandbox.create(spec);
      const mark = `orphan-${String(state.pid)}`;
      const script = `trap '' TERM HUP INT; : ${mark}; echo ready; while :; do sleep 0.05; done`;
      const cli = spawn(process.execPath, [built.program, "run", JSON.stringify(state), script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(cli.stdout, "data");
      expect(processesWith(mark).length).toBeGreaterThan(1);
      cli.kill("SIGKILL");
      await once(cli, "close");
      expect(await survivorsWith(mark)).toEqual([]);
      expect(sandbox.alive(state)).toBe(true);
      await sandbox.stop(state);
    });
  });
}
