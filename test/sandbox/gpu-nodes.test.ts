// GPUs in a workspace. There is none where the tests run: nodes of harmless devices stand in for them.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Bubblewrap } from "../../src/sandbox/bubblewrap/bubblewrap.ts";
import { gpuNodes } from "../../src/sandbox/host/gpu-nodes.ts";
import type { HolderState } from "../../src/sandbox/sandbox.ts";
import { IS_ROOT, REASON, WORKS } from "./here.ts";

const reason = IS_ROOT ? REASON : " (skipped: making device nodes takes root)";

describe.skipIf(!WORKS || !IS_ROOT)(`GPUs in a workspace${reason}`, () => {
  let folder: string;
  let sandbox: Bubblewrap;
  let state: HolderState;

  /** 1:3 is /dev/null, 1:5 /dev/zero. */
  const node = (name: string, minor: number, mode: number): void => {
    execFileSync("mknod", [join(folder, name), "c", "1", String(minor)]);
    chmodSync(join(folder, name), mode);
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "cloister-dev-"));
    chmodSync(folder, 0o755);
    for (const below of ["dri", "nvidia-caps"]) mkdirSync(join(folder, below));
    node("nvidia0", 5, 0o666);
    node("nvidiactl", 3, 0o666);
    node("nvidia-caps/nvidia-cap1", 3, 0o666);
    node("dri/renderD128", 5, 0o660);
    node("dri/card0", 3, 0o666);
    node("sda", 3, 0o666);
    writeFileSync(join(folder, "nvidia7"), "a file");
    symlinkSync("/dev/mem", join(folder, "nvidia8"));
    sandbox = new Bubblewrap({ now: Date.now, devices: folder });
    state = await sandbox.create({ id: "gpu", ttlMs: 60_000, diskBytes: 1024 * 1024 });
  });

  afterAll(async () => {
    await sandbox.stop(state);
    rmSync(folder, { recursive: true, force: true });
  });

  async function sh(script: string, devices: readonly string[]): Promise<string> {
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    stdin.end();
    let out = "";
    for (const stream of [stdout, stderr]) {
      stream.on("data", (chunk) => {
        out += String(chunk);
      });
    }
    const { signal } = new AbortController();
    const spec = { argv: ["/bin/sh", "-c", script], env: {}, inputs: [], devices, tty: false, tools: [], signal };
    await sandbox.exec(state, spec, { stdin, stdout, stderr });
    return out;
  }

  test("are device nodes of GPUs alone, and those only that the workspace's user may open", () => {
    const { devices, shut, weakens } = sandbox.gpu();
    expect(devices).toEqual(["/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia0", "/dev/nvidiactl"]);
    expect(shut).toEqual(["/dev/dri/renderD128"]);
    expect(weakens.join()).toContain("kernel");
    // What stands beside a GPU is of no use without it.
    rmSync(join(folder, "nvidia0"));
    expect(gpuNodes(folder, 0)).toEqual({ devices: [], shut: ["/dev/dri/renderD128"] });
    node("nvidia0", 5, 0o666);
    expect(gpuNodes(join(folder, "nothing"), 0)).toEqual({ devices: [], shut: [] });
  });

  test("can be used where they are given, and are the only devices besides the sandbox's own", async () => {
    const { devices } = sandbox.gpu();
    expect(await sh("head -c 4 /dev/nvidia0 | od -An -tx1; echo x > /dev/nvidiactl && echo written", devices)).toBe(
      " 00 00 00 00\nwritten\n",
    );
    const besides = async (given: readonly string[]): Promise<string> =>
      await sh("find /dev -name 'nvidia*' -o -name 'render*' -o -name 'card*' -o -name sda | sort", given);
    expect((await besides(devices)).split("\n").filter(Boolean)).toEqual([
      ...["/dev/nvidia-caps", "/dev/nvidia-caps/nvidia-cap1", "/dev/nvidia0", "/dev/nvidiactl"],
    ]);
    expect(await besides([])).toBe("");
    expect(await sh("touch /dev/new; rm -f /dev/nvidia0; test -c /dev/nvidia0 && echo there", devices)).toContain(
      "there",
    );
    expect(await sh("ls -d /sys/devices 2>&1; touch /sys/devices/x 2>&1", [])).toContain("No such file");
    expect(await sh("ls -d /sys/devices; touch /sys/devices/x 2>&1", devices)).toMatch(/^\/sys\/devices\n.*Read-only/s);
  });

  test("are named as what they are, or refused", async () => {
    for (const wrong of ["/dev/../etc/shadow", "/dev/", "/etc/shadow", "dev/nvidia0", "/dev/a/b/c"]) {
      await expect(sh("true", [wrong])).rejects.toMatchObject({ code: "USAGE" });
    }
  });
});
