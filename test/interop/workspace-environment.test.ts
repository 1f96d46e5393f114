// What a workspace has around its work: environment templates, folders of the host, GPUs. All of it is asked of the policy.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { AuditRow, WorkspaceDetail, WorkspaceSummary, WorkspaceTemplate } from "../../src/index.ts";
import { HAS_SANDBOX, has, type Member, World } from "../acceptance/harness.ts";

const title = HAS_SANDBOX
  ? "the environment of a workspace"
  : "the environment of a workspace (skipped: no bubblewrap here)";
const hasVenv = spawnSync("/usr/bin/python3", ["-c", "import ensurepip"]).status === 0;
const use = ["--purpose", "modelling", "--ttl", "10m"];

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  const host = mkdtempSync(join(tmpdir(), "cloister-host-"));
  const tools = join(host, "tools");
  let ana: Member;

  beforeAll(async () => {
    chmodSync(host, 0o755);
    mkdirSync(join(tools, "conda-meta"), { recursive: true });
    writeFileSync(join(tools, "conda-meta/history"), "==> made <==\n");
    writeFileSync(join(tools, "hello"), "#!/bin/sh\necho hello\n", { mode: 0o755 });
    mkdirSync(join(host, "elsewhere"));
    symlinkSync("elsewhere", join(host, "link"));
    ana = await world.project("ana", "solo");
    const policy = join(ana.folder, "cloister.policy.yaml");
    const allowed = `network: [], mounts: [${tools}, ${join(host, "link")}]`;
    writeFileSync(policy, readFileSync(policy, "utf8").replace("network: []", allowed));
    await ana.ok("policy", "propose", "--yes");
  });

  afterAll(() => rmSync(host, { recursive: true, force: true }));

  async function sh(workspace: string, script: string): Promise<string> {
    return (await ana.ok("run", workspace, "--", "sh", "-c", script)).out;
  }

  async function names(): Promise<readonly string[]> {
    const { workspaces } = await ana.json<{ workspaces: readonly WorkspaceSummary[] }>("ws", "list");
    return workspaces.map(({ name }) => name);
  }

  it("is told whole by a dry run with every flag, which makes and logs nothing", async () => {
    ana.files("code", { "a.py": "1\n" });
    const limits = ["--cpus", "1", "--memory", "1GB", "--processes", "99", "--open-files", "99", "--run-time", "1h"];
    const more = [
      "--why",
      "try",
      "--code",
      "code",
      "--domain",
      "churn",
      "--template",
      "plain",
      "--driver",
      "bubblewrap",
    ];
    const volume = ["--disk", "300MB", "--volume", "memory", "--volume-dir", "volumes"];
    const asked = ["ws", "create", "d1", ...use, "--mount-ro", `${tools}:/opt/tools`, ...limits, ...more, ...volume];
    const dry = await ana.json<WorkspaceDetail & { dryRun: boolean }>(...asked, "--dry-run");
    expect(dry).toMatchObject({
      ...{
        schema: "cloister/workspace@1",
        dryRun: true,
        name: "d1",
        state: "running",
        domain: "churn",
        template: "plain",
      },
      ...{ purpose: "modelling", diskBytes: 300_000_000, volume: "memory", driver: "bubblewrap", leftMs: 600_000 },
      ...{ network: [], mounts: [{ source: tools, path: "/opt/tools" }], gpu: [], inputs: [], runs: [] },
    });
    const values = Object.fromEntries(dry.limits.map(({ limit, value }) => [limit, value]));
    expect(values).toEqual({
      ...{ cpus: 1, memory: 1e9, processes: 99, disk: 3e8, "open-files": 99, "run-time": 3_600_000 },
    });
    const refused = await ana.fails(...asked, "--network", "a.example", "--dry-run");
    expect([refused.exit, refused.logEntry]).toEqual([3, undefined]);
    expect(await names()).toEqual([]);
    expect(
      (await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--action", "workspace.create")).entries,
    ).toEqual([]);
  });

  it("shows a folder of the host where the policy covers it, and says which state of it", async () => {
    const made = await ana.json<WorkspaceDetail>("ws", "create", "m1", "--mount-ro", `${tools}:/opt/tools`, ...use);
    const identity = expect.stringMatching(/^conda-meta\/history sha256:[0-9a-f]{64}$/);
    expect(made.mounts).toEqual([{ source: tools, path: "/opt/tools", identity }]);
    expect(await sh("m1", "/opt/tools/hello; touch /opt/tools/x 2>/dev/null || echo read-only")).toBe(
      "hello\nread-only\n",
    );
    expect((await ana.ok("ws", "show", "m1")).out).toMatch(
      /^mount\t\/opt\/tools {2}read-only from .*conda-meta\/history sha256:[0-9a-f]{12}\)$/m,
    );
    // Looked at again before each command.
    execFileSync("mkfifo", [join(tools, "pipe")]);
    expect(await ana.fails("run", "m1", "--", "true")).toMatchObject({
      exit: 125,
      why: expect.stringContaining("pipe"),
    });
    rmSync(join(tools, "pipe"));
    await ana.ok("ws", "destroy", "m1", "--yes");
  });

  it("does not show what the policy does not cover, by its own name and by where it leads", async () => {
    const denied = await ana.fails("ws", "create", "m2", "--mount-ro", join(host, "elsewhere"), ...use);
    expect(denied).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(denied.refusals[0]?.why).toContain(join(host, "elsewhere"));
    const link = await ana.fails("ws", "create", "m2", "--mount-ro", join(host, "link"), ...use);
    expect(link.refusals[0]?.why).toContain(join(host, "elsewhere"));
    const beside = await ana.fails("ws", "create", "m2", "--mount-ro", `${tools}-more`, ...use);
    expect(beside).toMatchObject({ exit: 7, code: "NOT_FOUND" });
    expect(await ana.fails("ws", "create", "m2", "--mount-ro", "tools", ...use)).toMatchObject({ exit: 2 });
    expect(await ana.fails("ws", "create", "m2", "--mount-ro", `${tools}:/usr/x`, ...use)).toMatchObject({ exit: 2 });
    expect(await names()).not.toContain("m2");
  });

  it("never shows Cloister's own files, whatever the policy says", async () => {
    const policy = join(ana.folder, "cloister.policy.yaml");
    writeFileSync(policy, readFileSync(policy, "utf8").replace(/mounts: \[/, `mounts: [${world.root}, `));
    await ana.ok("policy", "propose", "--yes");
    for (const folder of [
      world.root,
      ana.folder,
      join(ana.folder, ".cloister"),
      join(ana.home, ".local/state/cloister"),
    ]) {
      const failed = await ana.fails("ws", "create", "m3", "--mount-ro", `${folder}:/opt/x`, ...use);
      expect(failed, folder).toMatchObject({ exit: 2, code: "USAGE" });
    }
  });

  it("says that there is no GPU, or that the policy allows none", async () => {
    const failed = await ana.fails("ws", "create", "g1", "--gpu", ...use);
    if (existsSync("/dev/nvidia0") || existsSync("/dev/dri") || existsSync("/dev/kfd")) expect(failed.exit).toBe(3);
    else expect(failed).toMatchObject({ exit: 9, message: "there is no GPU to show" });
    expect((await ana.ok("ws", "create", "--help")).out).toContain("weakens");
  });

  it("comes from templates, the project's own among them", async () => {
    ana.files(".cloister/workspace", {
      "mine.yaml": `environment: 1\nsummary: ours\nvariables: { OURS: "1" }\npath: [/opt/tools]\nfolders: [/workspace/made]\nmounts: ["${tools}:/opt/tools"]\n`,
    });
    const { templates } = await ana.json<{ templates: readonly WorkspaceTemplate[] }>("ws", "templates");
    expect(templates.map(({ name, own }) => [name, own])).toEqual([
      ...[
        ["mine", true],
        ["node", false],
        ["plain", false],
        ["python", false],
      ],
    ]);
    const made = await ana.json<WorkspaceDetail>("ws", "create", "t1", "--template", "mine", ...use);
    expect(made).toMatchObject({ template: "mine", mounts: [{ path: "/opt/tools" }] });
    expect(await sh("t1", "hello; echo $OURS; test -d made && echo made")).toBe("hello\n1\nmade\n");
    await ana.ok("ws", "destroy", "t1", "--yes");
    const unknown = await ana.fails("ws", "create", "t1", "--template", "pyhton", ...use);
    expect(unknown).toMatchObject({ exit: 7, next: expect.stringContaining("mine, node, plain, python") });
    expect(await ana.fails("ws", "create", "t1", "--template", "../mine", ...use)).toMatchObject({ exit: 2 });
  });

  it("is refused as flags are where a template asks for too much, and leaves nothing where its setup fails", async () => {
    ana.files(".cloister/workspace", {
      "greedy.yaml": 'environment: 1\nsummary: x\nnetwork: ["example.org:443"]\n',
      "nosy.yaml": "environment: 1\nsummary: x\nmounts: [/srv]\n",
      "broken.yaml": 'environment: 1\nsummary: x\nsetup: [sh, -c, "echo no luck >&2; exit 4"]\n',
      "strange.yaml": "environment: 1\nsummary: x\nprivileged: true\n",
    });
    expect(await ana.fails("ws", "create", "t2", "--template", "greedy", ...use)).toMatchObject({ exit: 3 });
    expect(await ana.fails("ws", "create", "t2", "--template", "nosy", ...use)).toMatchObject({ exit: 3 });
    const failed = await ana.fails("ws", "create", "t2", "--template", "broken", ...use);
    expect(failed).toMatchObject({ code: "FAILURE", why: "sh ended with 4: no luck" });
    const strange = await ana.fails("ws", "create", "t2", "--template", "strange", ...use);
    expect(strange).toMatchObject({ exit: 2, why: expect.stringContaining("privileged") });
    expect(await names()).not.toContain("t2");
    expect(await ana.fails("ws", "show", "t2")).toMatchObject({ code: "NOT_FOUND" });
  });

  it("is gone from running workspaces once the policy takes it away", async () => {
    await ana.ok("ws", "create", "m4", "--mount-ro", `${tools}:/opt/tools`, ...use);
    const policy = join(ana.folder, "cloister.policy.yaml");
    const before = readFileSync(policy, "utf8");
    writeFileSync(policy, before.replace(/, mounts: \[[^\]]*\]/, ""));
    await ana.ok("policy", "propose", "--yes");
    const { exit, err } = await ana.cli("run", "m4", "--", "ls", "/opt/tools");
    expect(exit).not.toBe(0);
    expect(err).toContain("no longer allows it: /opt/tools");
    await ana.ok("ws", "destroy", "m4", "--yes");
  });

  // Making a virtual environment is the slowest thing here.
  it.skipIf(!hasVenv)(
    "python: pip installs a wheel of an input without a network",
    async () => {
      ana.files("wheels", { "tiny-1.0-py3-none-any.whl": wheel() });
      await ana.ok("push", "wheels", "--name", "wheels", "--class", "internal");
      await ana.ok("ws", "create", "py", "--template", "python", "--input", "wheels:v1:/inputs/pip", ...use);
      const out = await sh("py", "pip install -q tiny && python3 -c 'import sys, tiny; print(tiny.SAYS, sys.prefix)'");
      expect(out).toBe("hello /home/user/venv\n");
      const { exit, out: text } = await ana.cli("run", "py", "--", "sh", "-c", "pip install -q nosuch 2>&1");
      expect(exit).toBe(1);
      expect(text).toContain("No matching distribution");
      await ana.ok("ws", "destroy", "py", "--yes");
    },
    180_000,
  );

  it.skipIf(!has("npm"))("node: npm installs from a cache of an input without a network", async () => {
    const registry = await serveRegistry();
    const cache = join(ana.folder, "npm-cache");
    const at = `http://127.0.0.1:${String((registry.address() as AddressInfo).port)}/`;
    mkdirSync(join(ana.folder, "warm"));
    const install = ["install", "tiny", "--cache", cache, "--registry", at, "--no-audit", "--no-fund"];
    await promisify(execFile)("npm", install, { cwd: join(ana.folder, "warm"), env: ana.env });
    registry.close();
    rmSync(join(cache, "_logs"), { recursive: true, force: true });
    await ana.ok("push", "npm-cache", "--name", "npm-cache", "--class", "internal");
    await ana.ok("ws", "create", "js", "--template", "node", "--input", "npm-cache:v1:/inputs/npm", ...use);
    const script = `npm install tiny --registry ${at} >/dev/null && node -p 'require("tiny")'`;
    expect(await sh("js", script)).toBe("hello\n");
    expect((await ana.cli("run", "js", "--", "npm", "install", "nosuch", "--registry", at)).exit).not.toBe(0);
    await ana.ok("ws", "destroy", "js", "--yes");
  });
});

/** The smallest wheel (PEP 427), zipped by Python. */
function wheel(): Buffer {
  const script = `
import io, sys, zipfile
out = io.BytesIO()
with zipfile.ZipFile(out, "w") as wheel:
    wheel.writestr("tiny.py", "SAYS = 'hello'\\n")
    wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("tiny-1.0.dist-info/RECORD", "")
sys.stdout.buffer.write(out.getvalue())
`;
  return execFileSync("/usr/bin/python3", ["-c", script]);
}

/** A registry of npm packages that has one. */
async function serveRegistry(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "cloister-npm-"));
  mkdirSync(join(folder, "package"));
  writeFileSync(
    join(folder, "package/package.json"),
    JSON.stringify({ name: "tiny", version: "1.0.0", main: "index.js" }),
  );
  writeFileSync(join(folder, "package/index.js"), 'module.exports = "hello";\n');
  const tarball = execFileSync("tar", ["-czf", "-", "-C", folder, "package"]);
  rmSync(folder, { recursive: true });
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const server = createServer((asked, answer) => {
    const { port } = server.address() as AddressInfo;
    if (asked.url?.endsWith(".tgz")) return void answer.end(tarball);
    if (asked.url !== "/tiny") return void answer.writeHead(404).end("{}");
    const dist = { tarball: `http://127.0.0.1:${String(port)}/tiny-1.0.0.tgz`, integrity };
    const versions = { "1.0.0": { name: "tiny", version: "1.0.0", main: "index.js", dist } };
    answer.setHeader("content-type", "application/json");
    answer.end(JSON.stringify({ name: "tiny", "dist-tags": { latest: "1.0.0" }, versions }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
