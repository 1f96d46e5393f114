import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "../../../src/sandbox/host/process.ts";
import type { World } from "../../interop/escape/world.ts";
import type { Case } from "../cases.ts";
import { encrypted } from "./workspaces.ts";

const NAME = "customers-of-acme";

async function fillWith(world: World, text: string): Promise<void> {
  const write = `mkdir ${NAME}-folder; for i in $(seq 2000); do printf %s "$1"; done >${NAME}-folder/${NAME}.csv`;
  assert.equal((await world.sh(write, text)).exit, 0);
}

/** Names and contents of everything below a folder that holds a text. */
function traces(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => {
    const path = join(folder, name);
    return name.includes(text) || (statSync(path).isFile() && readFileSync(path).includes(text));
  });
}

export const ERASURE: readonly Case[] = [
  encrypted("neither names nor contents can be read from the disk, and no key lies there", async (world, cipher) => {
    await fillWith(world, world.secret);
    const names = readdirSync(cipher, { recursive: true, encoding: "utf8" });
    assert.ok(names.length > 8, names.join(" "));
    for (const text of [world.secret, NAME, "table.csv", "work", "inputs"]) assert.deepEqual(traces(cipher, text), []);
    assert.deepEqual(
      names.filter((name) => /conf|diriv|key/i.test(name)),
      [],
    );
    assert.equal(statSync(cipher).mode & 0o777, 0o700);
    // Nor does the key stand where processes are listed, or in what finds the workspace again.
    const lines = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => ["cmdline", "environ"].map((file) => join("/proc", pid, file)))
      .map((path) => (existsSync(path) ? spawnSync("cat", [path], { encoding: "latin1" }).stdout : ""));
    const hexadecimal = lines.filter((line) => /gocryptfs|cipher/.test(line) && /[0-9a-f]{64}/.test(line));
    assert.deepEqual(hexadecimal, []);
    assert.doesNotMatch(JSON.stringify(world.state), /[0-9a-f]{64}/);
  }),
  encrypted("a copy of the ciphertext cannot be opened once the workspace has ended", async (world, cipher) => {
    await fillWith(world, world.secret);
    const copy = join(world.folder, "copy");
    cpSync(cipher, copy, { recursive: true });
    await world.sandbox.stop(world.state);
    assert.equal(existsSync(cipher), false);
    const mount = join(world.folder, "mount");
    mkdirSync(mount);
    const options = { input: `${"0".repeat(64)}\n`, encoding: "utf8", timeout: 10_000 } as const;
    const withoutKey = spawnSync("gocryptfs", ["-fg", "-nosyslog", copy, mount], options);
    assert.notEqual(withoutKey.status, 0);
    assert.match(withoutKey.stdout + withoutKey.stderr, /gocryptfs\.conf/);
    for (const text of [world.secret, NAME])
      assert.deepEqual(
        traces(world.folder, text).filter((n) => !n.startsWith("home")),
        [],
      );
  }),
  encrypted("killed, it leaves ciphertext that the next stop removes", async (world, cipher) => {
    await fillWith(world, world.secret);
    const server = spawnSync("pgrep", ["-u", String(world.state.uid), "-x", "gocryptfs"], { encoding: "utf8" }).stdout;
    assert.match(server, /^\d+\n/);
    process.kill(world.state.pid, "SIGKILL");
    for (let tries = 0; isRunning(world.state) && tries < 500; tries++) await sleep(10);
    const left = () =>
      server
        .trim()
        .split("\n")
        .filter((pid) => existsSync(`/proc/${pid}/exe`));
    for (let tries = 0; left().length > 0 && tries < 500; tries++) await sleep(10);
    assert.deepEqual(left(), []);
    await assert.rejects(world.sh("cat *"), { code: "NOT_FOUND" });
    assert.equal(existsSync(cipher), true);
    assert.deepEqual(traces(cipher, world.secret), []);
    await world.sandbox.stop(world.state);
    await world.sandbox.stop(world.state);
    assert.equal(existsSync(cipher), false);
  }),
];
