// A rotation hook is not waited for longer than it runs, whatever it leaves behind, and what it prints is not lost.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { runHook } from "../../src/operations/secret/hook.ts";
import { rotateSecret } from "../../src/operations/secret/rotate.ts";
import { setSecret } from "../../src/operations/secret/write.ts";
import { hostIn, makeProject, scratch, sessionOf } from "./project.ts";

/** Out of the hook's process group, with its standard output. */
const LEFT_BEHIND = "setsid sleep 30 2>/dev/null &";
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

test("it is not started where this device cannot keep what it would print", async () => {
  const ana = { ...(await makeProject(scratch())), env: host.env };
  const session = await sessionOf(ana);
  const name = "db-password";
  await setSecret(session, { name, class: "internal", value: async () => Buffer.from("old") });
  const folder = join(session.places.state, session.config.project, "secrets");
  mkdirSync(dirname(folder), { recursive: true });
  writeFileSync(folder, "");
  const ran = join(ana.cwd, "ran");
  const hook = { hook: ["sh", "-c", `touch ${ran}; echo new`], timeoutMs: 20_000 };
  await expect(rotateSecret(await sessionOf(ana), { name, value: hook })).rejects.toMatchObject({ code: "FAILURE" });
  expect(existsSync(ran)).toBe(false);
  rmSync(folder);
  await rotateSecret(await sessionOf(ana), { name, value: hook });
  expect(existsSync(ran)).toBe(true);
  expect(readdirSync(folder)).toEqual([]);
});
