// The package managers that people use, unmodified, in a workspace that reaches where they get packages from, and in one
// that does not.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkspaceDetail } from "../../src/index.ts";
import { HAS_SANDBOX, has, type Member, World } from "../acceptance/harness.ts";
import { NO_NAMES, withNames } from "../acceptance/named-hosts.ts";
import { changePolicy } from "../aws/project.ts";
import { certificate, LOOPBACK } from "../sandbox/egress/rig.ts";
import { aptSource, CERTIFICATES, npmRegistry, pipIndex, sourceOf } from "./package-sources.ts";

const MINUTES = 5 * 60_000;
const apt = aptSource();
const [npm, pip, debian] = await Promise.all([
  sourceOf("npm", npmRegistry()),
  sourceOf("pip", pipIndex()),
  sourceOf("apt", apt?.url),
]);
const HAS_PIP = has("/usr/bin/python3") && has("/usr/bin/pip3");
const title = HAS_SANDBOX ? "package managers" : "package managers (skipped: no bubblewrap here)";
const reached = [npm, pip, debian].flatMap(({ source }) => (source ? [source] : []));

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let index: Server;
  let indexHost: string;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    const identity = certificate("index.test");
    index = pypi(ana.files("wheel", {}), identity);
    index.listen(0, "127.0.0.1");
    await once(index, "listening");
    indexHost = `index.test:${String((index.address() as AddressInfo).port)}`;
    const hosts = [...new Set([...reached.map(({ host }) => host), indexHost])];
    const networks = [...new Set([LOOPBACK, ...reached.flatMap(({ privateNetworks }) => privateNetworks)])];
    await changePolicy(ana, (text) =>
      text.replaceAll(
        "network: []",
        `network: ${JSON.stringify(hosts)}, private-networks: ${JSON.stringify(networks)}`,
      ),
    );
    ana.files("code", { "cert.pem": identity.cert, "sources.list": apt?.line ?? "" });
    await create("w0");
    await create("w1", ...hosts.flatMap((host) => ["--network", host]));
  }, MINUTES);
  afterAll(async () => {
    for (const name of ["w0", "w1"]) await ana.cli("ws", "destroy", name, "--yes");
    index.close();
  });

  const create = (name: string, ...more: readonly string[]) =>
    ana.ok("ws", "create", name, "--purpose", "modelling", "--ttl", "20m", "--code", "code", ...more);
  const run = (workspace: string, script: string, ...args: readonly string[]) =>
    withNames(ana, { "index.test": "127.0.0.1" }, ["run", workspace, "--", "sh", "-c", script, "sh", ...args]);
  const here = (workspace: string, script: string, ...args: readonly string[]) =>
    ana.cli("run", workspace, "--", "sh", "-c", script, "sh", ...args);
  const last = async () => (await ana.json<WorkspaceDetail>("ws", "show", "w1")).runs.at(-1)?.network?.decisions ?? [];

  const NPM = `npm_config_cafile=${CERTIFICATES} npm_config_fetch_retries=0 npm install --no-audit --no-fund \
    --prefix n --registry "$1" ms && node -e 'console.log(require("./n/node_modules/ms")("2 days"))'`;

  it.skipIf(!npm.source)(`npm installs what it is allowed to reach${npm.reason}`, { timeout: MINUTES }, async () => {
    const url = npm.source?.url.href ?? "";
    const ended = await here("w1", NPM, url);
    expect(ended, ended.err).toMatchObject({ exit: 0, out: expect.stringMatching(/172800000\n$/) });
    expect(await last()).toMatchObject([{ host: npm.source?.url.hostname, allowed: true }]);
    const none = await here("w0", NPM, url);
    expect(none.exit).not.toBe(0);
    const elsewhere = await here("w1", NPM, "https://registry.test/");
    expect(elsewhere.exit).not.toBe(0);
    expect(elsewhere.err).toMatch(/403/);
    expect((await ana.ok("ws", "show", "w1", "--network")).out).toContain("registry.test:443\trefused");
  });

  const APT = `mkdir -p apt/lists/partial apt/cache/archives/partial && : > apt/status &&
    set -- -q -o Dir::State=$PWD/apt -o Dir::State::status=$PWD/apt/status -o Dir::Cache=$PWD/apt/cache \
      -o Dir::Etc::sourcelist=$PWD/sources.list -o Dir::Etc::sourceparts=- -o Acquire::Retries=0 -o Acquire::Languages=none \
      -o APT::Update::Error-Mode=any &&
    apt-get "$@" update && apt-get "$@" download hello && ls *.deb`;

  it.skipIf(!debian.source)(`apt-get updates and downloads${debian.reason}`, { timeout: MINUTES }, async () => {
    const ended = await here("w1", APT);
    expect(ended, ended.err).toMatchObject({ exit: 0, out: expect.stringMatching(/hello_.*\.deb\n$/) });
    expect(await last()).toMatchObject([{ host: debian.source?.url.hostname, allowed: true }]);
    const refused = await ana.cli("run", "w1", "--network", indexHost, "--", "sh", "-c", APT);
    expect(refused.exit).not.toBe(0);
    expect(refused.out + refused.err).toMatch(/403/);
  });

  const PIP = `PIP_CERT="$1" PIP_RETRIES=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 \
    python3 -m pip install --target site --no-deps --upgrade --index-url "$2" "$3" && ls site`;

  it.skipIf(!HAS_PIP || !pip.source)(
    `pip installs from the machine's index${pip.reason}`,
    { timeout: MINUTES },
    async () => {
      const ended = await here("w1", PIP, CERTIFICATES, pip.source?.url.href ?? "", "six");
      expect(ended, ended.err).toMatchObject({ exit: 0, out: expect.stringContaining("six") });
    },
  );

  const own = HAS_PIP ? NO_NAMES : " (skipped: no /usr/bin/pip3)";
  it.skipIf(own !== "")(`pip installs from an index of one's own${own}`, { timeout: MINUTES }, async () => {
    const url = `https://${indexHost}/simple/`;
    const ended = await run("w1", PIP, "/workspace/cert.pem", url, "tiny");
    expect(ended, ended.err).toMatchObject({ exit: 0, out: expect.stringContaining("tiny.py") });
    expect(await last()).toMatchObject([{ host: "index.test", allowed: true }]);
    const refused = await run("w1", PIP, "/workspace/cert.pem", "https://other.test/simple/", "tiny");
    expect(refused.exit).not.toBe(0);
    expect(refused.err).toMatch(/403 Forbidden/);
    const none = await run("w0", PIP, "/workspace/cert.pem", url, "tiny");
    expect(none.exit).not.toBe(0);
  });
});

/** An index as PEP 503 has it, with one package. */
function pypi(folder: string, identity: { readonly key: Buffer; readonly cert: Buffer }): Server {
  const name = "tiny-1.0-py3-none-any.whl";
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
    wheel.writestr("tiny.py", "")
    wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\\ntiny-1.0.dist-info/METADATA,,\\n")`;
  if (HAS_PIP) execFileSync("/usr/bin/python3", ["-c", script, file]);
  else writeFileSync(file, "");
  return createServer(identity, (request, response) => {
    if (request.url === `/files/${name}`) response.end(readFileSync(file));
    else if (request.url === "/simple/tiny/")
      response.setHeader("content-type", "text/html").end(`<a href="/files/${name}">${name}</a>`);
    else response.writeHead(404).end();
  });
}
