// What is said of a run's packages, its reads and the machine's GPUs.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { captureGpu } from "../../src/provenance/gpu.ts";
import { ReadLog } from "../../src/provenance/reads.ts";
import { SOFTWARE_SCRIPT, softwareList } from "../../src/provenance/software.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "cloister-facts-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(path: string, text = ""): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

describe("software", () => {
  const list = () => {
    const output = execFileSync("sh", ["-c", SOFTWARE_SCRIPT, "sh", folder], { encoding: "utf8", maxBuffer: 1e8 });
    return softwareList(output)
      .split("\n")
      .filter((line) => line.includes(folder))
      .map((line) => line.replaceAll(folder, "."));
  };

  test("packages of Python environments, of conda and of Node, by folder", () => {
    const site = "venv/lib/python3.11/site-packages";
    write(`${site}/numpy-1.26.4.dist-info/METADATA`);
    write(`${site}/old_egg-0.3-py3.11.egg-info/PKG-INFO`);
    write(`${site}/nonsense.dist-info/METADATA`);
    write("venv/pyvenv.cfg", "version = 3.11.2\n");
    write("env/conda-meta/openssl-3.0.13-h7f8727e_0.json", "{}");
    write("app/node_modules/left-pad/package.json", '{\n  "name": "left-pad",\n  "version": "1.3.0"\n}\n');
    write("app/node_modules/@scope/tool/package.json", '{\n  "version": "0.0.1-rc.1"\n}\n');
    write("app/node_modules/left-pad/test/package.json", '{\n  "version": "9.9.9"\n}\n');
    expect(list()).toEqual([
      "conda ./env/conda-meta openssl-3.0.13-h7f8727e_0",
      "node ./app/node_modules @scope/tool@0.0.1-rc.1",
      "node ./app/node_modules left-pad@1.3.0",
      `python ./${site} numpy==1.26.4`,
      `python ./${site} old_egg==0.3`,
      "venv ./venv",
    ]);
  });

  test("names are hostile, and the list is bounded", () => {
    write("x/evil\u001b[2J\n-1.0.dist-info/METADATA");
    expect(list()).toEqual(["python ./x evil\\u{1b}[2J\\u{a}==1.0"]);
    const many = Array.from(
      { length: 10_000 },
      (_, n) => `python\t/p/a-package-with-a-long-name-${String(n)}-1.0.dist-info`,
    );
    const text = softwareList(many.join("\0"));
    expect(text.length).toBeLessThan(300_000);
    expect(text).toMatch(/\n… and \d+ more\n$/);
    expect(softwareList("")).toBe("");
  });
});

describe("reads", () => {
  test("inputs opened or not, the workspace's files, and what nobody declared", () => {
    const log = new ReadLog([
      { name: "cohort", path: "/inputs/cohort" },
      { name: "spare", path: "/inputs/spare" },
    ]);
    const system = [
      "/usr/lib/x.so",
      "/etc/ld.so.cache",
      "/proc/self/maps",
      "/dev/urandom",
      "/run/secrets/key",
      "/lib64/ld",
    ];
    const opened = [
      "/inputs/cohort/b",
      "/inputs/cohort/a",
      "/inputs/cohort/a",
      "/workspace/z",
      "/workspace/é",
      "/workspace/B",
    ];
    const beside = ["/tmp/t", "/dev/shm/s", "/home/user/.cache/w", "/opt/data/secret\u001b", "/usrx/y"];
    for (const path of [...system, ...opened, ...beside]) log.add(path);
    expect(log.sum()).toEqual({
      inputs: { cohort: 2, spare: 0 },
      ...{ workspace: ["B", "z", "é"], workspaceCount: 3, elsewhere: 3 },
      ...{ undeclared: ["/home/user/.cache/w", "/opt/data/secret\\u{1b}", "/usrx/y"], undeclaredCount: 3 },
    });
  });

  test("lists are cut and say how much there was", () => {
    const log = new ReadLog([]);
    for (let n = 0; n < 6000; n++) {
      log.add(`/workspace/${String(n)}`);
      log.add(`/opt/${String(n)}`);
    }
    const sum = log.sum();
    expect([sum.workspace.length, sum.workspaceCount]).toEqual([5000, 6000]);
    expect([sum.undeclared.length, sum.undeclaredCount]).toEqual([1000, 6000]);
  });
});

describe("GPUs", () => {
  test("NVIDIA's driver, with the models it drives", () => {
    write(
      "proc/driver/nvidia/version",
      "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15\nGCC\n",
    );
    for (const slot of ["0000:01:00.0", "0000:02:00.0"]) {
      write(`proc/driver/nvidia/gpus/${slot}/information`, "Model: \t\t NVIDIA A100-SXM4-40GB\nIRQ: 11\n");
    }
    expect(captureGpu(folder)).toEqual({ gpu: "2 x NVIDIA A100-SXM4-40GB", gpuDriver: "nvidia 535.104.05" });
  });

  test("the open kernel module, AMD's driver, and none", () => {
    expect(captureGpu(folder)).toEqual({});
    write("sys/module/amdgpu/version", "6.3.6\n");
    expect(captureGpu(folder)).toEqual({ gpuDriver: "amdgpu 6.3.6" });
    write(
      "proc/driver/nvidia/version",
      "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release\n",
    );
    expect(captureGpu(folder)).toEqual({ gpuDriver: "nvidia 550.54.14" });
  });
});
