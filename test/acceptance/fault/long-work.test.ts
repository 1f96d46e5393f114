// What is seen of long work, and how it ends when it is stopped: on a terminal, in pipes that nobody writes to or reads from.
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Listing, Pushed } from "../../../src/index.ts";
import { BIN, filesBelow, type Member, until, World } from "../harness.ts";
import { Terminal } from "../terminal.ts";

const world = new World();
let ana: Member;

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  ana.files(".", { "large.bin": randomBytes(30_000_000) });
  await ana.ok("push", "large.bin", "--name", "large");
});

/** A command whose streams the test holds. */
function begin(...args: readonly string[]) {
  const child = spawn(process.execPath, [BIN, ...args], { cwd: ana.folder, env: ana.env });
  let err = "";
  child.stderr.on("data", (chunk) => {
    err += String(chunk);
  });
  child.stdin.on("error", () => {});
  return { child, err: () => err };
}

async function ended(child: ChildProcess): Promise<unknown> {
  const [code, signal] = await once(child, "exit");
  return signal ?? code;
}

/** Pushes that have begun and not ended. */
function journals(): readonly string[] {
  return filesBelow(join(ana.home, ".local/state/cloister")).filter((path) => path.endsWith("/head"));
}

describe("on a terminal", () => {
  const slowly = 'while :; do head -c 2000000 /dev/urandom; sleep 0.1; done | "$0" "$1" push - --name slow';
  const shown = /^(pushing|reading|waiting for the store) .*\d MB {2}[\d.]+ [KM]B\/s/m;

  it("one line says how far it is, within its width; Ctrl-C cleans up and says how to go on", async () => {
    const terminal = await Terminal.command(ana, "bash", "-c", slowly, process.execPath, BIN);
    try {
      terminal.resize(80, 24);
      await until("progress", 20_000, () => shown.test(terminal.screen()));
      terminal.resize(20, 24);
      await until("narrow progress", 20_000, () => /\w+ {2}[\d.]+ MB *$/m.test(terminal.screen()));
      terminal.keys("C-c");
      await terminal.expect("cloister push - --name slow");
      const screen = terminal.screen().replace(/\s+/g, " ");
      expect(screen).toContain("stopping and cleaning up");
      expect(screen).toContain("run the same command again to continue:");
      expect(await terminal.exit()).toBe(130);
      expect((await ana.json<Listing>("list", "slow")).versions).toEqual([]);
    } finally {
      terminal.kill();
    }
  });

  it("nothing is left of it when the work is done", async () => {
    const some = "for i in 1 2 3 4 5 6 7 8 9; do head -c 2000000 /dev/urandom; sleep 0.3; done";
    const push = `(${some}) | "$0" "$1" push - --name done`;
    const terminal = await Terminal.command(ana, "bash", "-c", push, process.execPath, BIN);
    terminal.resize(80, 24);
    await until("progress", 20_000, () => shown.test(terminal.screen()));
    expect(await terminal.exit()).toBe(0);
    expect(terminal.screen().trimEnd()).toMatch(/^✓ pushed churn\/done:v1 {2}sha256:[0-9a-f]{12}… {2}18 MB/);
  });
});

describe.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
  ["SIGHUP", 129],
] as const)("%s", (signal, exit) => {
  it("ends a push whose input does not come", async () => {
    const before = journals().length;
    const { child, err } = begin("push", "-", "--name", `silent-${signal.toLowerCase()}`);
    child.stdin.write(Buffer.alloc(2_000_000));
    await until("the journal of a push", 20_000, () => journals().length > before);
    child.kill(signal);
    expect(await ended(child)).toBe(exit);
    expect(err()).toContain("cloister push - --name silent-");
  });

  it("ends a pull whose output nobody takes", async () => {
    const { child, err } = begin("pull", "large", "-o", "-");
    await until("some output", 20_000, () => child.stdout.readableLength > 0);
    child.kill(signal);
    expect(await ended(child)).toBe(exit);
    expect(err()).toContain("cloister pull large -o -\n");
  });
});

describe("in pipes", () => {
  it("what an interrupted push stored is told, and not stored again", async () => {
    const content = randomBytes(80_000_000);
    const state = join(ana.home, ".local/state/cloister");
    const { child, err } = begin("push", "-", "--name", "resumed");
    const packLogs = () => filesBelow(state).filter((path) => path.endsWith("/packs"));
    const noted = () => packLogs().reduce((sum, path) => sum + statSync(join(state, path)).size, 0);
    const before = noted();
    child.stdin.write(content.subarray(0, 75_000_000));
    await until("a pack that is noted", 60_000, () => noted() > before);
    child.kill("SIGINT");
    expect(await ended(child)).toBe(130);
    expect(err()).toMatch(
      / {2}kept {3}[\d.]+ MB are stored, and the same command with the same input goes on from there/,
    );
    const again = await ana.with({ input: content }, "push", "-", "--name", "resumed", "--json");
    expect(again.exit, again.err).toBe(0);
    const pushed: Pushed = JSON.parse(again.out);
    expect(pushed).toMatchObject({ resumed: true, bytes: content.length });
    expect(pushed.bytesNew).toBeLessThan(20_000_000);
  }, 180_000);

  it("an empty standard input is refused, and one that is closed", async () => {
    for (const input of ["", undefined]) {
      const { exit, err } = await ana.with(input === undefined ? {} : { input }, "push", "-", "--name", "nothing");
      expect([exit, err]).toEqual([2, expect.stringContaining("standard input is empty")]);
    }
  });

  it.skipIf(process.platform !== "linux")("an output that is full is an error, and says so", async () => {
    const full = spawn("sh", ["-c", '"$0" "$1" pull large -o - > /dev/full', process.execPath, BIN], {
      ...{ cwd: ana.folder, env: ana.env },
    });
    let err = "";
    full.stderr.on("data", (chunk) => {
      err += String(chunk);
    });
    expect(await ended(full)).toBe(1);
    expect(err).toContain("the output could not be written");
    expect(err).toContain("ENOSPC");
  });

  it("of a short push nothing is said but the result", async () => {
    const { out, err } = await ana.ok("push", "large.bin", "--name", "quiet");
    expect(err).toBe("");
    expect(out).toMatch(/^✓ pushed churn\/quiet:v1/);
  });
});
