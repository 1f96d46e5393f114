// Files and variables that one command alone gets: not its neighbours, not the next one, not the host's process list.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExecSpec } from "../../../src/sandbox/exec-spec.ts";
import { DISK_BYTES, World } from "../../interop/escape/world.ts";
import { type Subject, titleOf } from "./subject.ts";

const MARKER = "secret-marker-0815";

/** How every driver hands a command files and variables that nobody else gets. */
export function secretFiles(subject: Subject): void {
  describe.skipIf(!subject.works)(`a file for one command in a workspace of ${titleOf(subject)}`, () => {
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

    async function sh(script: string, more: Partial<ExecSpec> = {}): Promise<{ exit: number; out: string }> {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const out: Buffer[] = [];
      for (const stream of [stdout, stderr]) stream.on("data", (chunk: Buffer) => out.push(chunk));
      const spec = { argv: ["sh", "-c", script], env: {}, inputs: [], tty: false, tools: [], ...more };
      const { signal } = new AbortController();
      const { exit } = await world.sandbox.exec(
        world.state,
        { ...spec, signal },
        { stdin: Readable.from([]), stdout, stderr },
      );
      return { exit, out: Buffer.concat(out).toString() };
    }

    const files = [{ path: "/run/secrets/key", bytes: Buffer.from(`${MARKER}\n\0binary`) }];

    test("is there whole, for its user alone to read and for nobody to change", async () => {
      const { out } = await sh("stat -c '%a %u' /run/secrets/key; od -c /run/secrets/key | tail -1", { files });
      expect(out).toBe("400 1000\n0000032\n");
      for (const change of [
        "echo x >> /run/secrets/key",
        "rm /run/secrets/key",
        "chmod 666 /run/secrets/key",
        "touch /run/secrets/x",
        "mv /run/secrets /run/x",
      ]) {
        expect((await sh(change, { files })).exit, change).not.toBe(0);
      }
    });

    test("is not there for a command that runs at the same time, nor for the next", async () => {
      const running = sh("touch shown; sleep 3; cat /run/secrets/key", { files, env: { TOKEN: MARKER } });
      while ((await sh("test -e shown")).exit !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
      const look = `ls -d /run/secrets; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; env; ls /proc/*/root/run`;
      expect((await sh(look)).out).not.toMatch(new RegExp(`${MARKER}|^/run/secrets`, "m"));
      // Nor do the processes around it on the host tell: only the command itself has it in its environment.
      expect(holdersOnHost()).toEqual([]);
      expect((await running).out).toContain(MARKER);
      expect((await sh(look)).out).not.toMatch(new RegExp(`${MARKER}|^/run/secrets`, "m"));
      expect((await sh(`grep -r ${MARKER.slice(0, 10)} /workspace /tmp /var/tmp /home /dev/shm`)).out).toBe("");
    });

    test("stands in its own folder only", async () => {
      for (const path of ["/run/secrets/a/b", "/run/secrets/..", "/etc/passwd", "/run/secrets/", "/run/secrets/a\0b"]) {
        await expect(sh("true", { files: [{ path, bytes: Buffer.from("x") }] }), path).rejects.toMatchObject({
          code: "USAGE",
        });
      }
    });

    /** Processes that show the marker in their arguments, and those of our own way in that show it in their environment. */
    function holdersOnHost(): readonly string[] {
      return readdirSync("/proc")
        .filter((name) => /^\d+$/.test(name))
        .flatMap((pid) => {
          const command = read(`/proc/${pid}/cmdline`);
          const helper = /^(\/usr)?\/bin\/(env|setpriv|nsenter|bwrap|podman|conmon|runc|crun)\0/.test(command);
          const shown = command.includes(MARKER) || (helper && read(`/proc/${pid}/environ`).includes(MARKER));
          return shown ? [command] : [];
        });
    }

    function read(path: string): string {
      try {
        return readFileSync(path, "latin1");
      } catch {
        return "";
      }
    }
  });
}
