import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { childrenOf, identify, isRunning } from "../../src/sandbox/host/process.ts";

test("a process is told apart from a later one with its pid", () => {
  const self = identify(process.pid);
  if (!self) throw new Error("this process is not there");
  expect(isRunning(self)).toBe(true);
  expect(isRunning({ ...self, startTime: String(Number(self.startTime) + 1) })).toBe(false);
  expect(isRunning({ ...self, bootId: "another boot" })).toBe(false);
  expect(identify(2 ** 22 + 1)).toBeUndefined();
});

test("a process whose name imitates the status line is read right", async () => {
  const script = 'open(F, ">", "/proc/self/comm"); print F ") Z 1 (x"; close F; print "ok\\n"; sleep 30';
  const child = spawn("/usr/bin/perl", ["-e", `$| = 1; ${script}`], { stdio: ["ignore", "pipe", "ignore"] });
  await once(child.stdout, "data");
  const found = identify(child.pid ?? 0);
  expect(found).toBeDefined();
  expect(Number(found?.startTime)).toBeGreaterThanOrEqual(Number(identify(process.pid)?.startTime));
  expect(childrenOf(process.pid)).toContain(child.pid);
  child.kill("SIGKILL");
  await once(child, "close");
  expect(identify(child.pid ?? 0)).toBeUndefined();
  expect(childrenOf(child.pid ?? 0)).toEqual([]);
});
