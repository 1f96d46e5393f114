// The contract of all drivers, kept by podman. As slow as containers are to start.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { afterAll, describe, expect, test, vi } from "vitest";
import { compile } from "../sandbox/compiled.ts";
import { commands } from "../sandbox/contract/commands.ts";
import { lives } from "../sandbox/contract/lives.ts";
import { lookups } from "../sandbox/contract/lookups.ts";
import { secretFiles } from "../sandbox/contract/secret-files.ts";
import { snapshots } from "../sandbox/contract/snapshots.ts";
import { titleOf } from "../sandbox/contract/subject.ts";
import { volumes } from "../sandbox/contract/volumes.ts";
import { waysOut } from "../sandbox/contract/ways-out.ts";
import { podmanSubject } from "./podman/storage.ts";

const { subject, env, remove } = await podmanSubject();
afterAll(remove);

commands(subject);
volumes(subject);
secretFiles(subject);
snapshots(subject);
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
