// Jupyter in a workspace, seen from a browser on this machine. It is a run like any other, whose output leaves.
import { randomBytes, randomInt } from "node:crypto";
import { request } from "node:http";
import { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { SECRETS } from "../../sandbox/exec-spec.ts";
import type { Dialer } from "../../sandbox/sandbox.ts";
import type { Session } from "../session.ts";
import type { NotebookOpened, NotebookOptions, RunResult } from "../types.ts";
import { requireRunning } from "./look.ts";
import { type NotebookPort, openNotebookPort } from "./notebook-port.ts";
import { run } from "./run.ts";
import { sandboxOf } from "./sandbox.ts";

/** Time for the server to answer: the first start compiles much of it. */
const START_MS = 90_000;
const ASK_AGAIN_MS = 100;
const LOG_BYTES_MAX = 2000;
/** Above the ports that servers are given by habit, and within those that nothing reserves. */
const [PORT_FIRST, PORT_LAST] = [20_000, 32_000];

const NEXT = "work in the workspace itself: cloister workspace shell NAME";
const CONFIG = `${SECRETS}/notebook.json`;
const NOT_INSIDE = 127;
/** The first of Jupyter's servers that is there. */
const SERVER =
  "for name in jupyter-lab jupyter-notebook jupyter-server; do " +
  `command -v "$name" >/dev/null && exec "$name" --config=${CONFIG}; done; exit ${String(NOT_INSIDE)}`;

/**
 * Starts Jupyter in a workspace and forwards a port of this machine's loopback to it, until it ends or the host's signal
 * aborts. What a browser shows has left the workspace: it is governed like a pull of every input.
 *
 * @param opened is told the address, once it answers
 * @throws CloisterError NOT_FOUND where there is no workspace or no Jupyter in it, POLICY_DENIED (logged), USAGE for a port
 *   that is taken, FAILURE where it does not start
 */
export async function openNotebook(
  session: Session,
  options: NotebookOptions,
  opened: (notebook: NotebookOpened) => void,
): Promise<RunResult> {
  await session.sync();
  const sandbox = await sandboxOf(session.host);
  const state = await requireRunning(session, sandbox, options.workspace);
  const [token, inner] = [randomBytes(32).toString("hex"), randomBytes(32).toString("hex")];
  const port = randomInt(PORT_FIRST, PORT_LAST);
  const ending = new AbortController();
  const end = (): void => ending.abort();
  session.host.signal.addEventListener("abort", end, { once: true });
  const log = lastText();
  let begun = (): void => {};
  const hasBegun = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const streams = { stdin: Readable.from([]), stdout: log.stream, stderr: log.stream };
  const command = {
    workspace: options.workspace,
    argv: ["/bin/sh", "-c", SERVER, "notebook"],
    secrets: options.secrets,
  };
  const running = run(session, { ...command, creds: options.creds }, streams, {
    ...{ output: "released", recordedAs: ["notebook"], next: NEXT, sharesLoopback: true, signal: ending.signal, begun },
    files: [{ path: CONFIG, bytes: config({ port, base: `/${token}/`, token: inner }) }],
  });
  const early = running.then((result) => {
    throw notStarted(options.workspace, result.exit, log.text());
  });
  let dialer: Dialer | undefined;
  let serving: NotebookPort | undefined;
  try {
    await Promise.race([hasBegun, early]);
    dialer = await sandbox.dialer(state.holder);
    const inside = { dialer, port, token: inner };
    await Promise.race([answering(inside, token, ending.signal), early]);
    if (ending.signal.aborted) return await running;
    serving = await openNotebookPort(options.port ?? 0, token, inside);
    const url = `http://127.0.0.1:${String(serving.port)}/${token}/`;
    opened({ workspace: state.name, port: serving.port, url });
    return await running;
  } finally {
    session.host.signal.removeEventListener("abort", end);
    serving?.close();
    dialer?.close();
    ending.abort();
    // Whatever went wrong here: no server is left behind, and its end is on record.
    await Promise.allSettled([running, early]);
  }
}

/** For every generation of Jupyter: what one does not know, it leaves alone. */
function config({ port, base, token }: { port: number; base: string; token: string }): Buffer {
  const server = {
    ...{ ip: "127.0.0.1", port, port_retries: 0, open_browser: false, base_url: base, root_dir: "/workspace" },
    ...{ token, password: "", allow_root: true },
  };
  const classic = { ...server, root_dir: undefined, notebook_dir: "/workspace" };
  return Buffer.from(JSON.stringify({ ServerApp: server, IdentityProvider: { token }, NotebookApp: classic }));
}

/** Waits until the server answers. @throws CloisterError FAILURE */
async function answering(
  inside: { dialer: Dialer; port: number; token: string },
  base: string,
  signal: AbortSignal,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < START_MS; waitedMs += ASK_AGAIN_MS) {
    if (signal.aborted || (await answers(inside, base))) return;
    await sleep(ASK_AGAIN_MS);
  }
  throw new CloisterError("FAILURE", "Jupyter does not answer", {
    why: `it was started, and said nothing for ${String(START_MS / 1000)} s`,
  });
}

async function answers({ dialer, port, token }: { dialer: Dialer; port: number; token: string }, base: string) {
  const socket = await dialer.connect(port).catch(() => undefined);
  if (!socket) return false;
  return await new Promise<boolean>((resolve) => {
    const asked = request({
      createConnection: () => socket,
      path: `/${base}/api/status`,
      headers: { host: `127.0.0.1:${String(port)}`, authorization: `token ${token}`, connection: "close" },
      timeout: 5000,
    });
    asked.once("response", (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(false));
    asked.once("close", () => resolve(false));
    asked.end();
  });
}

function notStarted(workspace: string, exit: number, text: string): CloisterError {
  if (exit === NOT_INSIDE) {
    return new CloisterError("NOT_FOUND", "there is no Jupyter in the workspace", {
      why: "neither jupyter-lab nor jupyter-notebook nor jupyter-server is in its PATH",
      next: `cloister run ${workspace} -- pip install jupyterlab   (template python), or --mount-ro a folder that has it`,
    });
  }
  const lines = text.split("\n").map((line) => printable(line).trim());
  const last = lines.filter((line) => line !== "").slice(-2);
  return new CloisterError("FAILURE", "Jupyter did not start", {
    why: [`it ended with ${String(exit)}`, ...last].join(": "),
    next: `cloister run ${workspace} -- jupyter-server --version`,
  });
}

/** A stream of which the end is kept. */
function lastText(): { readonly stream: Writable; text(): string } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text = `${text}${String(chunk)}`.slice(-LOG_BYTES_MAX);
      done();
    },
  });
  return { stream, text: () => text };
}
