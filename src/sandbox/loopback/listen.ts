// A way into a workspace that has no network: sockets that listen on its own loopback and are served from outside. Only
// the sockets cross the border. They are opened by a process that enters the workspace's network namespace, hands them
// over and ends; a socket belongs to the namespace it was made in, whoever holds it.
import type { ChildProcess } from "node:child_process";
import type { Server } from "node:net";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { beginningOf, startProgram } from "../host/spawn.ts";
import type { HolderState, LoopbackAddress } from "../sandbox.ts";
import { type Entrant, enterNetwork } from "./enter.ts";

const OPEN_MS = 10_000;
/** More than the libraries of one command open at once. */
const CONNECTIONS_MAX = 64;
const MESSAGE_CHARS_MAX = 300;

/**
 * Runs in the workspace's network namespace, and in no other of its namespaces. It enters its user namespace as the one
 * who made it, so it may open ports below 1024 there.
 */
const OPENER = `
const { createServer } = require("node:net");
const servers = [];
process.on("disconnect", () => { for (const server of servers) server.close(); });
const failed = ({ code }) => process.send(code, () => process.disconnect());
const open = ([first, ...rest]) => {
  if (!first) return;
  const server = createServer().once("error", failed);
  servers.push(server);
  server.listen(first.port, first.address, () => {
    process.send("open", server, (error) => (error ? failed(error) : open(rest)));
  });
};
`;

/** Does what {@link Sandbox.listen} says, in a workspace that is known to be alive. */
export async function listenInside(
  runtime: Entrant,
  state: HolderState,
  at: readonly LoopbackAddress[],
): Promise<readonly Server[]> {
  const opener = [process.execPath, "-e", `${OPENER}open(${JSON.stringify(at)});`];
  const child = startProgram([...enterNetwork(runtime, state), ...opener], {
    ...{ cwd: "/", env: OUTER_ENVIRONMENT },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), OPEN_MS);
  try {
    const servers = await handedOver(child, at.length);
    for (const server of servers) server.maxConnections = CONNECTIONS_MAX;
    return servers;
  } finally {
    clearTimeout(timer);
    // It has a copy of each socket, and ends only when it is let go.
    if (child.connected) child.disconnect();
  }
}

/** As many sockets as were asked for, in their order, or none at all. */
function handedOver(child: ChildProcess, count: number): Promise<readonly Server[]> {
  return new Promise((resolve, reject) => {
    const servers: Server[] = [];
    const said = beginningOf(child.stderr, MESSAGE_CHARS_MAX);
    let refused = "";
    child.on("message", (text, handle) => {
      if (handle) servers.push(handle as Server);
      else refused = String(text);
      if (servers.length === count) resolve(servers);
    });
    child.once("close", () => {
      if (servers.length === count) return;
      for (const server of servers) server.close();
      const why =
        refused || printable(said().split("\n")[0] ?? "") || `it was not open within ${String(OPEN_MS / 1000)} s`;
      reject(
        new CloisterError("FAILURE", "no endpoint can be opened in the workspace", { why, next: "cloister doctor" }),
      );
    });
  });
}
