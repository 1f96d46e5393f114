import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecSpec } from "../../../src/sandbox/exec-spec.ts";
import { DISK_BYTES, World } from "../../interop/escape/world.ts";
import { type Subject, titleOf } from "./subject.ts";

/** How every driver runs a command. */
export function commands(subject: Subject): void {
  describe.skipIf(!subject.works)(`a command in a workspace of ${titleOf(subject)}`, () => {
    let folder: string;
    let world: World;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
      world = await World.make(folder, "", {}, DISK_BYTES, "memory", subject.make());
    });

    afterAll(async () => {
      await world.end();
      rmSync(folder, { recursive: true, force: true });
    });

    const spec = (argv: readonly string[], more: Partial<ExecSpec> = {}): ExecSpec => ({
      argv,
      env: {},
      inputs: [],
      tty: false,
      tools: [],
      signal: new AbortController().signal,
      ...more,
    });

    test("gets its exit code through, and that of a signal", async () => {
      expect((await world.sh("exit 7")).exit).toBe(7);
      expect((await world.sh("kill -TERM $$")).exit).toBe(143);
      expect((await world.sh("kill -KILL $$")).exit).toBe(137);
    });

    test("that is not there, or not executable, is said as a shell says it", async () => {
      const missing = await world.run(["no-such-command"]);
      expect(missing).toMatchObject({ exit: 127, out: "" });
      expect(missing.err).toMatch(/^cloister: .*no-such-command: .*\n$/);
      const denied = await world.run(["/etc/passwd"]);
      expect(denied.exit).toBe(126);
      expect(denied.err).toMatch(/^cloister: .*\/etc\/passwd: Permission denied\n$/);
    });

    test("takes its arguments as they are", async () => {
      const words = ["", "a b", "--", "-x", "$HOME", "ü\n", "k=v", "*"];
      const { out } = await world.run(["printf", "[%s]", ...words]);
      expect(out).toBe(words.map((word) => `[${word}]`).join(""));
      expect((await world.run(["--help"])).exit).toBe(127);
      expect((await world.run(["a=b"])).exit).toBe(127);
      await expect(world.run(["echo", "a\0--bind"])).rejects.toMatchObject({ code: "USAGE" });
      await expect(world.run([])).rejects.toMatchObject({ code: "USAGE" });
    });

    test("can open its standard streams again by name", async () => {
      const { out, err, exit } = await world.sh(
        "echo one >/dev/stdout; echo two >/dev/stderr; cat /dev/stdin; test -p /dev/stdin",
      );
      expect({ out, err, exit }).toEqual({ out: "one\n", err: "two\n", exit: 0 });
    });

    test("has three descriptors and no more", async () => {
      const script =
        'opendir(D, "/proc/self/fd"); for (sort readdir D) { print "$_\\n" if readlink("/proc/self/fd/$_") =~ /^pipe|^socket|tmp/ }';
      const { out, exit } = await world.run(["/usr/bin/perl", "-e", script]);
      expect({ out, exit }).toEqual({ out: "0\n1\n2\n", exit: 0 });
    });

    test("reads standard input to its end and writes much, however slowly it is read", async () => {
      const bytes = Buffer.alloc(3_000_000, "0123456789abcdef\n");
      const hash = createHash("sha256");
      const slow = new Writable({
        highWaterMark: 1000,
        write(chunk: Buffer, _, done) {
          hash.update(chunk);
          setImmediate(done);
        },
      });
      const streams = { stdin: Readable.from([bytes]), stdout: slow, stderr: new PassThrough().resume() };
      expect(await world.sandbox.exec(world.state, spec(["cat"]), streams)).toEqual({ exit: 0 });
      slow.end();
      await finished(slow);
      expect(hash.digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
    });

    test("that leaves its input unread ends all the same", async () => {
      const endless = new PassThrough();
      endless.write("x");
      const streams = { stdin: endless, stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
      expect(await world.sandbox.exec(world.state, spec(["true"]), streams)).toEqual({ exit: 0 });
    });

    test("ends by SIGPIPE when nobody reads its output any more", async () => {
      const gone = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
      const streams = { stdin: Readable.from([]), stdout: gone, stderr: new PassThrough().resume() };
      expect(await world.sandbox.exec(world.state, spec(["yes"]), streams)).toEqual({ exit: 128 + 13 });
    });

    test("gets the variables it is given, and nothing of ours", async () => {
      const env = { GREETING: "hello\nthere", QUOTED: `a'b"c\\ $HOME`, TERM: "dumb" };
      const { out } = await world.run(["/usr/bin/env", "-0"], world.state, { env });
      const variables = Object.fromEntries(
        out.split("\0").map((pair) => [pair.split("=")[0], pair.slice(pair.indexOf("=") + 1)]),
      );
      expect(variables).toMatchObject({ ...env, HOME: "/home/user" });
      expect(Object.keys(variables).filter((name) => /^(VITEST|npm_|NODE|XDG_|CONTAINERS_)/.test(name))).toEqual([]);
      await expect(world.run(["env"], world.state, { env: { "A=B": "" } })).rejects.toMatchObject({ code: "USAGE" });
    });

    test("sees each input where it was asked for, and nowhere else", async () => {
      const inputs = [{ source: "data", path: "/inputs/a/b" }];
      expect((await world.run(["find", "/inputs", "-type", "f"], world.state, { inputs })).out).toBe(
        "/inputs/a/b/table.csv\n",
      );
      for (const path of ["/inputs", "/inputs/../etc", "/workspace/x", "inputs/x", "/inputs//x", "/inputs/a\nb"]) {
        const asked = world.run(["true"], world.state, { inputs: [{ source: "data", path }] });
        await expect(asked).rejects.toMatchObject({ code: "USAGE" });
      }
      const nested = [...inputs, { source: "data", path: "/inputs/a" }];
      await expect(world.run(["true"], world.state, { inputs: nested })).rejects.toMatchObject({ code: "USAGE" });
      const outside = [{ source: "../work", path: "/inputs/x" }];
      await expect(world.run(["true"], world.state, { inputs: outside })).rejects.toMatchObject({ code: "USAGE" });
      const unknown = [{ source: "unknown", path: "/inputs/x" }];
      await expect(world.run(["true"], world.state, { inputs: unknown })).rejects.toMatchObject({
        code: "FAILURE",
        message: "the command was not started",
      });
    });

    test("is asked to end, and may clean up", async () => {
      const stop = new AbortController();
      const script = `trap 'echo cleaned; exit 3' TERM; echo ready; while :; do sleep 0.05; done`;
      const stdout = new PassThrough();
      let out = "";
      stdout.on("data", (chunk) => {
        out += String(chunk);
        if (out === "ready\n") stop.abort();
      });
      const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
      const running = world.sandbox.exec(world.state, spec(["sh", "-c", script], { signal: stop.signal }), streams);
      expect(await running).toEqual({ exit: 3 });
      expect(out).toBe("ready\ncleaned\n");
    });

    test("that will not end is killed after five seconds", async () => {
      const stop = new AbortController();
      const stdout = new PassThrough().once("data", () => stop.abort());
      const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
      const script = `trap '' TERM INT; echo ready; while :; do sleep 0.2; done`;
      const running = world.sandbox.exec(world.state, spec(["sh", "-c", script], { signal: stop.signal }), streams);
      expect(await running).toEqual({ exit: 137 });
    });

    test("asked to end before it began is not run to its end", async () => {
      const { exit, out } = await world.run(["sh", "-c", "sleep 20; echo ran"], world.state, {
        signal: AbortSignal.abort(),
      });
      expect({ exit, out }).toEqual({ exit: 143, out: "" });
    });

    test("asked to end while its sandbox is set up is not run to its end", async () => {
      for (const afterMs of subject.setUpMs) {
        const { exit, out } = await world.run(["sh", "-c", "sleep 20; echo ran"], world.state, {
          signal: AbortSignal.timeout(afterMs),
        });
        expect({ exit, out }).toEqual({ exit: 143, out: "" });
      }
    });

    test("runs beside others in the same workspace", async () => {
      const all = await Promise.all(
        [1, 2, 3].map((n) => world.sh(`echo ${String(n)} >f${String(n)}; cat f${String(n)}`)),
      );
      expect(all.map(({ out }) => out)).toEqual(["1\n", "2\n", "3\n"]);
    });
  });
}
