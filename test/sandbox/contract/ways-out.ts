// A workspace's loopback, seen from both sides: what listens there is served from outside, or reached from there.
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DISK_BYTES, World } from "../../interop/escape/world.ts";
import { type Subject, titleOf } from "./subject.ts";

const AT = { address: "127.9.9.9", port: 80 };
/** Asks at a host and port, and says what it got. */
const ASK = `use Socket; my ($host, $port) = @ARGV; socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
  connect($s, pack_sockaddr_in($port, inet_aton($host))) or die "no: $host " . ($!+0); print <$s>;`;
/** Answers whoever connects, once it has said its port. */
const SERVE = `$| = 1; use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0) or die;
  bind($s, pack_sockaddr_in(0, inet_aton("127.0.0.1"))) or die; listen($s, 5) or die;
  print +(unpack_sockaddr_in(getsockname($s)))[0], "\\n"; while (accept(my $c, $s)) { syswrite($c, "from inside"); close $c }`;

/** How every driver lets single connections in and out. */
export function waysOut(subject: Subject): void {
  describe.skipIf(!subject.works)(`the loopback of a workspace of ${titleOf(subject)}`, () => {
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

    test("is served from outside, by name and by a port below 1024, for commands that share it", async () => {
      const [server] = await world.sandbox.listen(world.state, [AT]);
      server?.on("connection", (socket) => socket.end("from outside"));
      const hosts = [{ name: "good.test", address: AT.address }];
      const ask = (host: string, sharesLoopback: boolean) =>
        world.run(["/usr/bin/perl", "-e", ASK, "--", host, String(AT.port)], world.state, { sharesLoopback, hosts });
      try {
        expect(await ask("good.test", true)).toMatchObject({ exit: 0, out: "from outside" });
        expect((await ask("good.test", false)).err).toMatch(/no: good\.test 111/);
        expect((await ask("other.test", true)).exit).not.toBe(0);
        const own = await world.run(["sh", "-c", "cat /etc/hosts; echo x >>/etc/hosts"], world.state, { hosts });
        expect(own.out).toMatch(/^127\.9\.9\.9\s+good\.test$/m);
        expect(own.exit).not.toBe(0);
      } finally {
        server?.close();
      }
    });

    test("is reached from outside where a command listens that shares it", async () => {
      const stop = new AbortController();
      const state = world.state;
      const dialer = await world.sandbox.dialer(state);
      const port = listening(world, stop.signal);
      try {
        const socket = await dialer.connect(await port.opened);
        let text = "";
        socket.on("data", (chunk) => {
          text += String(chunk);
        });
        await once(socket, "close");
        expect(text).toBe("from inside");
        await expect(dialer.connect(1)).rejects.toMatchObject({ code: "UNAVAILABLE" });
      } finally {
        stop.abort();
        await port.ended;
        dialer.close();
      }
    });
  });
}

/** Runs {@link SERVE} in a world until the signal. */
function listening(world: World, signal: AbortSignal) {
  const stdout = new PassThrough();
  const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
  const spec = { argv: ["/usr/bin/perl", "-e", SERVE], env: {}, inputs: [], tty: false, tools: [], signal };
  const ended = world.sandbox.exec(world.state, { ...spec, sharesLoopback: true }, streams);
  const opened = Promise.race([
    once(stdout, "data").then(([chunk]) => Number(String(chunk))),
    ended.then(({ exit }) => Promise.reject(new Error(`it ended with ${String(exit)}`))),
  ]);
  return { opened, ended };
}
