// A way into a workspace that has no network: a socket that listens on its own loopback and is served from outside. Only
// the socket crosses the border. It is opened by a process that enters the workspace's network namespace, hands it over
// and ends; a socket belongs to the namespace it was made in, whoever holds it.
import { type ChildProcess, spawn } from "node:child_process";
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import type { HolderState } from "../sandbox.ts";
import { OUTER_ENVIRONMENT } from "./runtime.ts";

const OPEN_MS = 10_000;
/** More than the libraries of one command open at once. */
const CONNECTIONS_MAX = 64;
const MESSAGE_BYTES_MAX = 300;

/** Runs in the workspace's network namespace, and in no other of its namespaces. */
const OPENER = `
const server = require("node:net").createServer();
process.on("disconnect", () => server.close());
server.listen(0, "127.0.0.1", () => process.send("open", server));
`;

/** What this needs of a driver. */
interface Entrant {
  readonly programs: { readonly nsenter: string };
  /** Effective uid of this process. */
  readonly uid: number;
}

/** Does what {@link Sandbox.listen} says, in a workspace that is known to be alive. */
export async function listenInside(runtime: Entrant, state: HolderState): Promise<Server> {
  const [program = "", ...args] = [...enterNetwork(runtime, state), process.execPath, "-e", OPENER];
  const child = spawn(program, args, { cwd: "/", env: OUTER_ENVIRONMENT, stdio: ["ignore", "ignore", "pipe", "ipc"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), OPEN_MS);
  try {
    const server = await handedOver(child);
    server.maxConnections = CONNECTIONS_MAX;
    return server;
  } finally {
    clearTimeout(timer);
    // It has a copy of the socket, and ends only when it is let go.
    if (child.connected) child.disconnect();
  }
}

/** Root may enter any network namespace; others only as the user who owns it, through its user namespace. */
function enterNetwork({ programs, uid }: Entrant, { pid }: HolderState): readonly string[] {
  const through = uid === 0 ? [] : ["--preserve-credentials", "--user"];
  return [programs.nsenter, `--target=${String(pid)}`, ...through, "--net", "--"];
}

function handedOver(child: ChildProcess): Promise<Server> {
  return new Promise((resolve, reject) => {
    let message = "";
    child.stderr?.on("data", (chunk) => {
      message = `${message}${String(chunk)}`.slice(0, MESSAGE_BYTES_MAX);
    });
    child.once("message", (_text, handle) => resolve(handle as Server));
    child.once("error", reject);
    child.once("close", () => {
      // Nothing, where the socket came before.
      const why = message.split("\n")[0] || `it was not open within ${String(OPEN_MS / 1000)} s`;
      reject(
        new CloisterError("FAILURE", "no endpoint can be opened in the workspace", { why, next: "cloister doctor" }),
      );
    });
  });
}
