// Folders of the host in a workspace: shown read-only, and only where nothing in them works through a read-only view.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openShownFolder } from "../../src/sandbox/host/shown-folder.ts";
import { type Ran, World } from "../interop/escape/world.ts";

import { IS_ROOT, REASON, WORKS } from "./here.ts";

describe.skipIf(!WORKS)(`a folder of the host in a workspace${REASON}`, () => {
  let folder: string;
  let world: World;
  let tools: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
    chmodSync(folder, 0o755);
    tools = join(folder, "tools");
    mkdirSync(join(tools, "bin"), { recursive: true });
    writeFileSync(join(tools, "bin/hello"), "#!/bin/sh\necho hello from $0\n", { mode: 0o755 });
    world = await World.make(folder, "");
  });

  afterAll(async () => {
    await world.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const show = (script: string, source = tools, path = "/opt/tools"): Promise<Ran> =>
    world.run(["/bin/sh", "-c", script], world.state, { mounts: [{ source, path }] });

  test("is there where it was asked for, and works", async () => {
    expect((await show("/opt/tools/bin/hello")).out).toBe("hello from /opt/tools/bin/hello\n");
    expect((await show("/srv/deep/er/bin/hello", tools, "/srv/deep/er")).out).toBe(
      "hello from /srv/deep/er/bin/hello\n",
    );
    expect((await world.sh("ls /opt/tools")).exit).not.toBe(0);
  });

  test("cannot be written, changed or remounted, and gives no rights", async () => {
    writeFileSync(join(tools, "bin/id"), "x", { mode: 0o755 });
    execFileSync("cp", ["/usr/bin/id", join(tools, "bin/id")]);
    chmodSync(join(tools, "bin/id"), 0o4755);
    for (const attempt of [
      "echo x > /opt/tools/new",
      "chmod 777 /opt/tools/bin/hello",
      "rm -f /opt/tools/bin/hello",
      "mkdir /opt/other",
      "mount -o remount,rw /opt/tools",
    ]) {
      expect((await show(attempt)).exit, attempt).not.toBe(0);
    }
    expect((await show("/opt/tools/bin/id -u")).out).toBe("1000\n");
    expect((await show("grep ' /opt/tools ' /proc/self/mountinfo")).out).toMatch(/ ro,(\S+,)?nosuid,nodev/);
    // The descriptor that it came by would be a way to the host's folder.
    expect((await show("ls -l /proc/self/fd")).out).not.toContain("tools");
  });

  test("is refused where something in it works through a read-only view", async () => {
    const trap = (name: string): string => {
      const at = join(folder, name);
      mkdirSync(join(at, "deep"), { recursive: true });
      return at;
    };
    const [socket, pipe, keys, device] = [trap("socket"), trap("pipe"), trap("keys"), trap("device")];
    const server = createServer().listen(join(socket, "deep/docker.sock"));
    execFileSync("mkfifo", [join(pipe, "deep/p")]);
    mkdirSync(join(keys, "deep/.ssh"));
    await expect(show("true", socket)).rejects.toMatchObject({
      code: "USAGE",
      why: expect.stringContaining("docker.sock"),
    });
    await expect(show("true", pipe)).rejects.toMatchObject({ code: "USAGE", why: expect.stringContaining("deep/p") });
    await expect(show("true", keys)).rejects.toMatchObject({ code: "USAGE", why: expect.stringContaining(".ssh") });
    if (IS_ROOT) {
      execFileSync("mknod", [join(device, "deep/null"), "c", "1", "3"]);
      await expect(show("true", device)).rejects.toMatchObject({ code: "USAGE", why: expect.stringContaining("null") });
    }
    server.close();
  });

  test("is refused where it holds more than a toolchain", async () => {
    const places = [
      "/",
      "/proc",
      "/proc/1",
      "/sys",
      "/dev",
      "/dev/shm",
      "/etc",
      "/etc/ssl",
      "/run",
      "/var",
      userInfo().homedir,
    ];
    for (const place of places) await expect(show("true", place), place).rejects.toMatchObject({ code: "USAGE" });
    const seclude = () => openShownFolder(folder, { uid: 0, secluded: [join(folder, "tools/state")] });
    expect(seclude).toThrow(expect.objectContaining({ why: expect.stringContaining("tools/state") }));
    await expect(show("true", join(folder, "nothing"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(show("true", join(tools, "bin/hello"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test("is refused at places that are the workspace's own", async () => {
    const places = [
      "/",
      "/usr",
      "/usr/local/x",
      "/bin",
      "/etc",
      "/tmp",
      "/tmp/x",
      "/workspace",
      "/workspace/lib",
      "/inputs",
    ];
    places.push(
      "/inputs/data",
      "/run",
      "/run/secrets",
      "/run/cloister/bin",
      "/home",
      "/home/user/x",
      "/proc",
      "/dev/shm",
    );
    for (const place of places)
      await expect(show("true", tools, place), place).rejects.toMatchObject({ code: "USAGE" });
    const twice = [
      { source: tools, path: "/opt" },
      { source: tools, path: "/opt/tools" },
    ];
    await expect(world.run(["true"], world.state, { mounts: twice })).rejects.toMatchObject({ code: "USAGE" });
  });

  test("is refused where a link leads elsewhere, also one that takes its place", async () => {
    const link = join(folder, "link");
    symlinkSync(tools, link);
    await expect(show("true", link)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(show("true", join(link, "bin"))).rejects.toMatchObject({
      code: "USAGE",
      next: expect.stringContaining(join(tools, "bin")),
    });
    const moving = join(folder, "moving");
    mkdirSync(moving);
    const fd = openShownFolder(moving, { uid: 0, secluded: [] });
    expect(fd).toBeGreaterThan(2);
    renameSync(moving, `${moving}-away`);
    symlinkSync("/etc", moving);
    await expect(show("ls", moving)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  test.skipIf(!IS_ROOT)(
    "is refused where the workspace's user could not read it, or something is mounted in it",
    async () => {
      const shut = join(folder, "shut");
      mkdirSync(shut, { mode: 0o700 });
      await expect(show("true", shut)).rejects.toMatchObject({ next: expect.stringContaining(`chmod o+rx ${shut}`) });
      const below = join(shut, "below");
      mkdirSync(below);
      await expect(show("true", below)).rejects.toMatchObject({ why: expect.stringContaining(`pass ${shut}`) });
      const around = join(folder, "around");
      mkdirSync(join(around, "in"), { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "x", join(around, "in")]);
      try {
        await expect(show("true", around)).rejects.toMatchObject({ why: expect.stringContaining(join(around, "in")) });
      } finally {
        execFileSync("umount", [join(around, "in")]);
      }
    },
  );
});
