import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { childrenOf } from "../../src/sandbox/host/process.ts";
import { World } from "../interop/escape/world.ts";
import { lives } from "./contract/lives.ts";
import { BUBBLEWRAP, REASON, WORKS } from "./here.ts";

lives(BUBBLEWRAP);

describe.skipIf(!WORKS)(`the life of a workspace under bubblewrap${REASON}`, () => {
  const sandbox = BUBBLEWRAP.make();
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("cannot be extended where the state is of a time when no end could be moved", async () => {
    const { expiresBootMs: _, ...old } = await sandbox.create({ id: "test", ttlMs: 60_000, diskBytes: 1024 * 1024 });
    expect(sandbox.alive(old)).toBe(true);
    await expect(sandbox.extend(old, 60_000)).rejects.toMatchObject({ code: "UNSUPPORTED_HOST" });
    await sandbox.stop(old);
  });

  test("its holder has no capability, waits without work, and leaves no dead process behind", async () => {
    const world = await World.make(folder, "");
    await world.sandbox.keep(world.state);
    // Orphans of a command, each of which ends after its parent.
    await world.sh("for i in 1 2 3 4 5; do (sleep 0.1 &) ; done");
    await sleep(500);
    const status = readFileSync(`/proc/${String(world.state.pid)}/status`, "utf8");
    expect(status.match(/^Cap(Inh|Prm|Eff|Bnd|Amb):\t0{16}$/gm)).toHaveLength(5);
    expect(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1])).toBeLessThan(4096);
    const [waiting, ...others] = childrenOf(world.state.pid);
    expect(others).toEqual([]);
    expect(readFileSync(`/proc/${String(waiting)}/cmdline`, "utf8")).toMatch(/sleep\0[0-9]+\0$/);
    await world.end();
  });

  test("the end of a workspace is out of its reach", async () => {
    const world = await World.make(folder, "");
    const found = await world.sh(
      "find / -xdev -name deadline 2>/dev/null; ls -A /mnt /proc/1/root/mnt 2>&1; echo done",
    );
    expect(found.out).toMatch(/^ls: cannot access '\/mnt'.*\n(ls: .*\n)?done\n$/);
    await world.end();
  });

  test("says what it enforces and what it does not", () => {
    const { driver, enforced, notEnforced } = sandbox.describe();
    expect(driver).toBe("bubblewrap");
    expect(enforced.join("\n")).toMatch(/no network/);
    expect(notEnforced.join("\n")).toMatch(/swapped to disk/);
  });
});
