// Workspaces with a network: what the policy names, by name and port, and a record of everything that was tried.
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PolicyChecked, RunResult, WorkspaceDetail } from "../../src/index.ts";
import { filesBelow, HAS_SANDBOX, type Member, start, World } from "../acceptance/harness.ts";
import { NO_NAMES, namedArgv, withNames } from "../acceptance/named-hosts.ts";
import { Terminal } from "../acceptance/terminal.ts";
import { changePolicy } from "../aws/project.ts";
import { httpServer, LOOPBACK, type Outside, tlsServer } from "../sandbox/egress/rig.ts";

const reason = HAS_SANDBOX ? NO_NAMES : " (skipped: no bubblewrap here)";
const NAMES = { "good.test": "127.0.0.1", "bad.test": "127.0.0.1", "other.test": "127.0.0.1" };

/** Asks for each URL by the plain client of Node, which knows no proxy. */
const ASK = `
const of = { "http:": require("node:http"), "https:": require("node:https") };
const ask = (url) => new Promise((done) => {
  const request = of[new URL(url).protocol].get(url, { rejectUnauthorized: false }, (answer) => {
    answer.resume().on("end", () => done(answer.statusCode));
  });
  request.on("error", ({ code }) => done(code));
});
(async () => { for (const url of process.argv.slice(1)) console.log(await ask(url)); })();`;
/** One request through the proxy that the environment names. */
const BY_PROXY = `
const [url] = process.argv.slice(1);
const { hostname, port } = new URL(process.env.http_proxy);
const options = { hostname, port, path: url, headers: { host: new URL(url).host } };
require("node:http").get(options, (answer) => {
  console.log(answer.statusCode);
  answer.pipe(process.stdout);
});`;

/** The least of a Jupyter: asks by the proxy for two URLs of its environment, then answers to whatever is asked. */
const SERVER = `#!/usr/bin/env node
const { ServerApp } = JSON.parse(require("node:fs").readFileSync(process.argv[2].slice("--config=".length)));
const { spawnSync } = require("node:child_process");
for (const url of process.env.ASKED.split(" ")) spawnSync("node", ["by-proxy.js", url], { cwd: "/workspace" });
require("node:http").createServer((asked, answer) => answer.end("{}")).listen(ServerApp.port, "127.0.0.1");`;

describe.skipIf(reason !== "")(`workspaces with a network${reason}`, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;
  let web: Outside;
  let tls: Outside;
  let good: string;

  beforeAll(async () => {
    web = await httpServer();
    tls = await tlsServer("good.test");
    good = `good.test:${String(web.port)}`;
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    const hosts = `"${good}", "good.test:${String(tls.port)}", "*.wild.test:80"`;
    await changePolicy(ana, (text) =>
      text.replaceAll("network: []", `network: [${hosts}], private-networks: [${LOOPBACK}]`),
    );
    await create("w1", "--network", good, "--network", `good.test:${String(tls.port)}`);
  });
  afterAll(async () => {
    for (const name of ["w1", "w2"]) await bo.cli("ws", "destroy", name, "--yes");
    web.close();
    tls.close();
  });

  const create = (name: string, ...more: readonly string[]) =>
    bo.ok("ws", "create", name, "--purpose", "modelling", "--ttl", "10m", ...more);
  const run = (...args: readonly string[]) => withNames(bo, NAMES, ["run", ...args]);
  const ask = (...urls: readonly string[]) => ["node", "-e", ASK, ...urls];
  const shown = () => bo.json<WorkspaceDetail>("ws", "show", "w1", "--network");

  it("reach what was named, also by clients that know no proxy, and keep a record of it", async () => {
    const urls = [`http://${good}/a`, `https://good.test:${String(tls.port)}/`, `http://bad.test:${String(web.port)}/`];
    const ended = await run("w1", "--json", "--", ...ask(...urls));
    // TLS says hello in no HTTP; a name that is not allowed has no address inside.
    expect(ended.err).toBe("200\nHPE_INVALID_CONSTANT\nEAI_AGAIN\n");
    const { network } = JSON.parse(ended.out) as RunResult;
    expect(network).toMatchObject({
      allowed: [good, `good.test:${String(tls.port)}`],
      decisions: [
        { host: "good.test", port: web.port, allowed: true, count: 1 },
        { host: "good.test", port: tls.port, allowed: true, count: 1 },
      ],
    });
    expect(network?.decisions.every(({ sent, received }) => sent > 0 && received > 0)).toBe(true);
    expect((await shown()).runs.at(-1)?.network).toEqual(network);
  });

  it("are told what was refused, why, and what to do", async () => {
    const ended = await run("w1", "--", "node", "-e", BY_PROXY, `http://bad.test:${String(web.port)}/`);
    expect(ended.out).toBe(
      `403\ncloister: refused: bad.test:${String(web.port)}\n` +
        "  why    it is not on this workspace's network list\n" +
        `  hosts  ${good}, good.test:${String(tls.port)}\n` +
        `  next   an owner adds bad.test:${String(web.port)} to roles.data-scientist.workspace.network; ` +
        `then cloister ws create NAME --network bad.test:${String(web.port)} …   (w1 keeps the list that it was made with)\n`,
    );
    const page = (await bo.ok("ws", "show", "w1", "--network")).out;
    expect(page).toContain(
      `bad.test:${String(web.port)}\trefused\t1\t-\t-\tit is not on this workspace's network list\n`,
    );
    expect(page).toMatch(/^network\tgood\.test:\d+, good\.test:\d+\n/);
  });

  it("reach nothing by default, and less by --network", async () => {
    await create("w2");
    expect((await run("w2", "--", ...ask(`http://${good}/`))).out).toBe("EAI_AGAIN\n");
    expect((await run("w2", "--", "env")).out).not.toMatch(/proxy/i);
    expect((await run("w1", "--network", "none", "--", ...ask(`http://${good}/`))).out).toBe("EAI_AGAIN\n");
    const one = await run(
      "w1",
      "--network",
      good,
      "--",
      ...ask(`http://${good}/`, `https://good.test:${String(tls.port)}`),
    );
    expect(one.out).toBe("200\nECONNREFUSED\n");
    expect(await bo.fails("run", "w2", "--network", good, "--", "true")).toMatchObject({
      exit: 125,
      code: "USAGE",
      why: "it was made without a network",
    });
  });

  it("share a loopback, and do not meet on it", async () => {
    const both = await Promise.all([1, 2, 3].map(() => run("w1", "--", ...ask(`http://${good}/`))));
    expect(both.map(({ out }) => out)).toEqual(["200\n", "200\n", "200\n"]);
  });

  it("are refused hosts that the policy does not name, and that are none", async () => {
    const make = ["ws", "create", "w3", "--purpose", "modelling", "--network"];
    const refused = await bo.fails(...make, "bad.test:80");
    expect(refused).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(refused.refusals[0]?.why).toContain("not bad.test:80");
    for (const host of ["127.0.0.1:80", "0x7f.1", "localhost:80", "*", "a.b/c"]) {
      expect(await bo.fails(...make, host)).toMatchObject({ exit: 2, code: "USAGE" });
    }
  });

  it("name what a run reached in the signed provenance of what comes out", async () => {
    await run("w1", "--", "sh", "-c", 'node -e "$1" "$2" > model.bin', "sh", ASK, `http://${good}/weights`);
    await bo.ok(
      "push",
      "model.bin",
      "--from",
      "w1",
      "--name",
      "risk",
      "--kind",
      "model",
      "--owner",
      "bo",
      "--licence",
      "MIT",
    );
    await bo.ok("pull", "risk", "-o", "out", "--purpose", "modelling");
    const [bundle = ""] = filesBelow(bo.folder).filter((path) => path.startsWith("out") && path.endsWith(".json"));
    const { dsseEnvelope } = JSON.parse(readFileSync(join(bo.folder, bundle), "utf8"));
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, "base64").toString("utf8"));
    const { processes } = statement.predicate.buildDefinition.internalParameters;
    const decisions = [{ host: "good.test", port: web.port, allowed: true, count: 1 }];
    expect(processes.at(-1).network).toMatchObject({ allowed: expect.arrayContaining([good]), decisions });
  });

  it("have it in a shell, in a notebook and in a template's setup, on record and said at the end", async () => {
    const urls = [`http://${good}/`, `http://bad.test:${String(web.port)}/`];
    bo.files("tools", { "by-proxy.js": BY_PROXY.replace("slice(1)", "slice(2)"), "bin/jupyter-server": SERVER });
    chmodSync(join(bo.folder, "tools/bin/jupyter-server"), 0o755);
    const setup = ["/bin/sh", "-c", 'for url in $ASKED; do node by-proxy.js "$url"; done'];
    bo.files(".cloister/workspace", {
      "net.yaml": `environment: 1\nsummary: by the network\nnetwork: ["${good}"]\npath: [/workspace/bin]\nvariables: { ASKED: "${urls.join(" ")}" }\nsetup: ${JSON.stringify(setup)}\n`,
    });
    const template = ["--purpose", "modelling", "--template", "net", "--code", "tools"];
    const made = await withNames(bo, NAMES, ["ws", "create", "t1", ...template]);
    const refused = `bad.test:${String(web.port)}`;
    expect(made).toMatchObject({ exit: 0, out: expect.stringContaining(`\n  network ${good}\n`) });
    expect(made.err).toContain(`refused by the network list during setup: ${refused}`);

    const terminal = await Terminal.command(bo, ...namedArgv(bo, NAMES, ["shell", "t1"]));
    await terminal.expect("t1:");
    terminal.type(`node by-proxy.js ${urls[0] ?? ""}; node by-proxy.js ${urls[1] ?? ""}; exit`);
    expect(await terminal.exit()).toBe(0);
    expect(terminal.screen()).toContain(`refused by the network list: ${refused}`);

    const [file = "", ...words] = namedArgv(bo, NAMES, ["ws", "notebook", "t1"]);
    const notebook = start([file, ...words], bo.env, { cwd: bo.folder });
    await new Promise((resolve) => notebook.child.stdout?.once("data", resolve));
    notebook.child.kill("SIGINT");
    expect((await notebook.ended).err).toContain(`refused by the network list: ${refused}`);

    const { runs } = await bo.json<WorkspaceDetail>("ws", "show", "t1");
    const decided = [
      { host: "bad.test", port: web.port, allowed: false },
      { host: "good.test", allowed: true },
    ];
    const sorted = runs.map(({ network }) =>
      [...(network?.decisions ?? [])].sort((a, b) => (a.host < b.host ? -1 : 1)),
    );
    expect(runs.map(({ argv }) => argv[0])).toEqual(["/bin/sh", "shell", "notebook"]);
    expect(sorted).toMatchObject([decided, decided, decided]);
    await bo.ok("ws", "destroy", "t1", "--yes");
  });

  it("lose at once what the policy loses, though they were made with it", async () => {
    await changePolicy(ana, (text) => text.replaceAll(`"${good}", `, ""));
    const ended = await run("w1", "--", ...ask(`http://${good}/`));
    expect(ended.out).toBe("ECONNREFUSED\n");
    expect(ended.err).toContain(`${good} is not reached: the policy in force no longer names it`);
    await changePolicy(ana, (text) => text.replaceAll(`private-networks: [${LOOPBACK}]`, "private-networks: []"));
    const tried = await run("w1", "--json", "--", ...ask(`https://good.test:${String(tls.port)}/`));
    expect((JSON.parse(tried.out) as RunResult).network?.decisions).toMatchObject([
      { host: "good.test", allowed: false, why: expect.stringContaining("127.0.0.1, which is not public") },
    ]);
  });

  it("are said to be weakened by a policy that lets them reach the machine itself", async () => {
    await changePolicy(ana, (text) => text.replace("private-networks: []", `private-networks: [${LOOPBACK}]`));
    const { problems } = await ana.json<PolicyChecked>("policy", "check");
    expect(problems).toMatchObject([{ severity: "warning", message: expect.stringContaining("weakens workspaces") }]);
    expect((await ana.ok("policy", "show")).out).toContain(LOOPBACK);
  });
});
