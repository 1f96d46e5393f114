// A rotation hook is not waited for longer than it runs, whatever it leaves behind.
import { expect, test } from "vitest";
import { runHook } from "../../src/operations/secret/hook.ts";
import { hostIn, scratch } from "./project.ts";

/** Out of the hook's process group, with its standard output. */
const LEFT_BEHIND = "setsid sleep 30 &";
const host = { ...hostIn(scratch(), "ana"), env: { PATH: process.env["PATH"] } };

function run(script: string, timeoutMs: number): Promise<Buffer> {
  return runHook(host, { hook: ["sh", "-c", script], timeoutMs }, Buffer.from("old"));
}

test("a program that it left running does not keep its new value", async () => {
  const started = Date.now();
  expect((await run(`${LEFT_BEHIND} printf new`, 50_000)).toString()).toBe("new");
  expect(Date.now() - started).toBeLessThan(15_000);
});

test("a program that it left running does not keep it from ending in time", async () => {
  const started = Date.now();
  await expect(run(`${LEFT_BEHIND} sleep 60`, 300)).rejects.toMatchObject({ why: "it took longer than 0.3 s" });
  expect(Date.now() - started).toBeLessThan(15_000);
});
