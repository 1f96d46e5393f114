// `workspace notebook` with a real Jupyter and a real kernel, and what somebody on the same machine could try at its port.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { AuditRow, NotebookOpened } from "../../src/index.ts";
import { HAS_SANDBOX, has, holders, type Member, marker, type Running, until, World } from "../acceptance/harness.ts";
import { openChannel } from "./websocket.ts";

const hasJupyter = has("jupyter-server") && spawnSync("/usr/bin/python3", ["-c", "import ipykernel"]).status === 0;
const title =
  hasJupyter && HAS_SANDBOX
    ? "a notebook"
    : "a notebook (skipped: needs bubblewrap, jupyter-server and python3-ipykernel)";

// Python compiles much at its first start, and a machine may be busy.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describe.skipIf(!hasJupyter || !HAS_SANDBOX)(title, () => {
  const world = new World();
  const secret = marker();
  let ana: Member;
  let bo: Member;
  const running: Running[] = [];

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    ana.files("table", { "rows.csv": `${secret}\n` });
    await ana.ok("push", "table", "--name", "table", "--class", "internal");
    await ana.ok("push", "table", "--name", "secret-table", "--class", "confidential");
  });

  afterAll(async () => {
    for (const { child } of running) child.kill("SIGKILL");
    await Promise.all(running.map(({ ended }) => ended));
  });

  async function create(name: string, ...more: readonly string[]): Promise<void> {
    await bo.ok("ws", "create", name, "--purpose", "modelling", "--ttl", "10m", ...more);
  }

  async function open(name: string): Promise<{ readonly notebook: Running; readonly opened: NotebookOpened }> {
    const notebook = bo.start(["ws", "notebook", name, "--json"]);
    running.push(notebook);
    let text = "";
    notebook.child.stdout?.on("data", (chunk) => {
      text += String(chunk);
    });
    await until("the address", 60_000, () => text.endsWith("\n") || notebook.child.exitCode !== null);
    return { notebook, opened: JSON.parse(text) };
  }

  it("runs code of a browser in a kernel inside, over a websocket, and ends with Ctrl-C", async () => {
    await create("n1", "--input", "table");
    const { notebook, opened } = await open("n1");
    const { url, port } = opened;
    expect(url).toMatch(new RegExp(`^http://127\\.0\\.0\\.1:${String(port)}/[0-9a-f]{64}/$`));

    const { id } = JSON.parse((await ask("POST", `${url}api/kernels`, {}, '{"name":"python3"}')).text);
    const channel = await openChannel(`${url}api/kernels/${id}/channels`, {
      origin: `http://127.0.0.1:${String(port)}`,
    });
    if (typeof channel === "number") throw new Error(`refused with ${String(channel)}`);
    const code = "print(6 * 7, open('/inputs/table/rows.csv').read().strip()); open('/workspace/made', 'w').write('x')";
    channel.send(executing(code));
    const said = JSON.parse(await channel.until((text) => JSON.parse(text).msg_type === "stream"));
    expect(said.content).toEqual({ name: "stdout", text: `42 ${secret}\n` });
    channel.close();

    const token = new URL(url).pathname.split("/")[1] ?? "";
    expect(inProcesses(token)).toEqual([]);
    for (const folder of [bo.home, ana.store, join(bo.folder, ".cloister")])
      expect(holders(folder, [token])).toEqual([]);

    notebook.child.kill("SIGINT");
    const { exit, err } = await notebook.ended;
    expect(exit).toBe(0);
    expect(err).toContain("the notebook ended");
    expect(err).not.toContain(token);
    await expect(ask("GET", `${url}api/status`)).rejects.toThrow(/ECONNREFUSED/);
    expect((await bo.ok("run", "n1", "--", "ls", "/workspace")).out).toContain("made");
    await until("the end of Jupyter", 5000, () => inProcesses("/run/secrets/notebook.json").length === 0);
    const { entries } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list");
    const runs = entries.filter(({ action, phase }) => action === "workspace.run" && phase === "done");
    expect(runs.length).toBeGreaterThan(0);
    await bo.ok("ws", "destroy", "n1", "--yes");
  });

  it("answers nobody without its address: other names, origins, tokens and interfaces", async () => {
    await create("n2");
    const { notebook, opened } = await open("n2");
    const { url, port } = opened;
    const at = `http://127.0.0.1:${String(port)}`;
    const status = async (to: string, headers = {}): Promise<number> => (await ask("GET", to, headers)).status;
    expect(await status(`${url}api/status`)).toBe(200);
    expect(await status(`${url}api/status`, { host: `localhost:${String(port)}` })).toBe(200);

    for (const path of [
      "/",
      "/api/status",
      "/api/kernels",
      "/login",
      `/${"0".repeat(64)}/api/status`,
      "//api",
      "/%2e",
    ]) {
      expect(await status(`${at}${path}`), path).toBe(403);
    }
    for (const host of [
      "attacker.example",
      `attacker.example:${String(port)}`,
      "127.0.0.1",
      "localhost",
      `127.0.0.1:1`,
    ]) {
      expect(await status(`${url}api/status`, { host }), host).toBe(403);
    }
    const foreign = ["null", "http://attacker.example", `https://127.0.0.1:${String(port)}`, "http://127.0.0.1:1"];
    for (const origin of [...foreign, `http://localhost:${String(port)}`]) {
      expect(await status(`${url}api/status`, { origin }), origin).toBe(403);
      expect(await openChannel(`${url}api/events/subscribe`, { origin }), origin).toBe(403);
    }
    expect(await openChannel(`${at}/api/events/subscribe`)).toBe(403);
    expect(await reaches(port, "127.0.0.1")).toBe(true);
    for (const address of ownAddresses()) expect(await reaches(port, address), address).toBe(false);

    await bo.ok("ws", "destroy", "n2", "--yes");
    expect((await notebook.ended).exit).not.toBe(0);
    await expect(ask("GET", `${url}api/status`)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("keeps the browser's cookies from the workspace and the workspace's from the browser, and confines its pages", async () => {
    const server = [
      "#!/usr/bin/python3",
      "import json, http.server",
      "port = json.load(open('/run/secrets/notebook.json'))['ServerApp']['port']",
      "class Hostile(http.server.BaseHTTPRequestHandler):",
      "    def do_GET(self):",
      "        self.send_response(200)",
      "        for name, value in [('Set-Cookie', 'session=stolen'), ('Content-Security-Policy', 'default-src *'),",
      "                            ('Refresh', '0; url=http://attacker.example'), ('Link', '<http://attacker.example>; rel=preload'),",
      "                            ('Service-Worker-Allowed', '/'), ('Clear-Site-Data', '\"cookies\"')]:",
      "            self.send_header(name, value)",
      "        self.end_headers()",
      "        self.wfile.write(json.dumps(dict(self.headers)).encode())",
      "http.server.HTTPServer(('127.0.0.1', port), Hostile).serve_forever()",
    ];
    await ownServer("n3", server.join("\n"));
    const { notebook, opened } = await open("n3");
    const { headers, text } = await ask("GET", opened.url, {
      cookie: "other-program=secret",
      authorization: "Basic eDp5",
    });
    const seen = JSON.parse(text);
    expect(JSON.stringify(seen)).not.toMatch(/secret|eDp5/);
    expect(headers["set-cookie"]).toBeUndefined();
    expect(headers["refresh"] ?? headers["link"]).toBeUndefined();
    expect(headers["service-worker-allowed"]).toBeUndefined();
    // Neither a worker nor what pages stored stays for whoever has this port next; nothing of other ports is cleared.
    expect(headers["clear-site-data"]).toBe(`"cache", "storage"`);
    expect((await ask("GET", `${opened.url}worker.js`)).headers["clear-site-data"]).toBeUndefined();
    expect((await ask("GET", `${opened.url}worker.js`, { "service-worker": "script" })).status).toBe(403);
    expect(headers["content-security-policy"]).toMatch(/^default-src 'self' .*connect-src 'self' ws:\/\/127\.0\.0\.1:/);
    expect(headers["referrer-policy"]).toBe("no-referrer");
    notebook.child.kill("SIGTERM");
    await notebook.ended;
    await bo.ok("ws", "destroy", "n3", "--yes");
  });

  it("is governed like output that leaves", async () => {
    await create("n4", "--input", "secret-table");
    const refused = await bo.fails("ws", "notebook", "n4");
    expect(refused).toMatchObject({ exit: 3, refusals: [{ rule: "confidential-stays-in-workspaces" }] });
    await bo.ok("ws", "destroy", "n4", "--yes");
  });

  it("says what is missing, what failed, and which port is taken", async () => {
    await ownServer("n5", "#!/bin/sh\nexit 127\n");
    expect(await bo.fails("ws", "notebook", "n5")).toMatchObject({
      code: "NOT_FOUND",
      message: "there is no Jupyter in the workspace",
      next: expect.stringContaining("pip install jupyterlab"),
    });
    await bo.ok("ws", "destroy", "n5", "--yes");
    await ownServer("n6", "#!/bin/sh\necho 'no such option' >&2\nexit 3\n");
    expect(await bo.fails("ws", "notebook", "n6")).toMatchObject({
      code: "FAILURE",
      why: "it ended with 3: no such option",
    });
    await bo.ok("ws", "destroy", "n6", "--yes");
    await create("n7");
    const { notebook, opened } = await open("n7");
    expect(await bo.fails("ws", "notebook", "n7", "--port", String(opened.port))).toMatchObject({ code: "USAGE" });
    expect(await bo.fails("ws", "notebook", "n7", "--port", "70000")).toMatchObject({ exit: 2 });
    expect(await bo.fails("ws", "notebook", "nowhere")).toMatchObject({ code: "NOT_FOUND" });
    notebook.child.kill("SIGINT");
    expect((await notebook.ended).exit).toBe(0);
    await bo.ok("ws", "destroy", "n7", "--yes");
  });

  /** A workspace in which a program of ours is found as Jupyter. */
  async function ownServer(name: string, program: string): Promise<void> {
    const code = bo.files(`code-${name}`, { "bin/jupyter-lab": "" });
    writeFileSync(join(code, "bin/jupyter-lab"), program);
    const template =
      'environment: 1\nsummary: "x"\npath: [/workspace/bin]\nsetup: [chmod, "755", /workspace/bin/jupyter-lab]\n';
    bo.files(".cloister/workspace", { "own.yaml": template });
    await create(name, "--template", "own", "--code", `code-${name}`);
  }
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

async function ask(method: string, url: string, headers = {}, body?: string): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk) => {
        text += String(chunk);
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asking.once("error", reject);
    asking.end(body);
  });
}

/** A request of Jupyter's messaging protocol to run code. */
function executing(code: string): string {
  const header = { msg_id: "m1", username: "x", session: "s1", msg_type: "execute_request", version: "5.3" };
  const content = { code, silent: false, store_history: false, user_expressions: {}, allow_stdin: false };
  return JSON.stringify({ header, parent_header: {}, metadata: {}, content, channel: "shell", buffers: [] });
}

/** Processes of this machine that show a text in their command line or environment. */
function inProcesses(text: string): readonly string[] {
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) return [];
    return ["cmdline", "environ"]
      .filter((file) => readIfThere(`/proc/${pid}/${file}`).includes(text))
      .map((file) => `${pid}/${file}`);
  });
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return ["::1", ...all.filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address)];
}

async function reaches(port: number, host: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 2000 });
    const end = (reached: boolean) => () => {
      socket.destroy();
      resolve(reached);
    };
    socket.once("connect", end(true)).once("error", end(false)).once("timeout", end(false));
  });
}
