// The only way out of a workspace that has a network: a proxy in our own process, behind sockets that listen in the
// workspace. Hosts are allowed by name and port; what a name turns out to be, and which host is asked for once there, is
// checked as well. Everybody in the workspace may be hostile, and so may be whoever answers.
import type { Server, Socket } from "node:net";
import type { NetworkDecision } from "../../base/network-decision.ts";
import { addressCheck } from "./address.ts";
import { isTls } from "./client-hello.ts";
import { IDLE_MS } from "./dial.ts";
import { type Destination, Gate } from "./gate.ts";
import { httpProxy } from "./http-proxy.ts";
import { type Resolver, systemResolver } from "./resolve.ts";
import { Refused, type Target } from "./target.ts";
import { endWithAlert, HELLO_MS, namedHello, someBytes, splice } from "./tunnel.ts";

/** More than the clients of one command have open at once. */
const CONNECTIONS_MAX = 256;

/** A socket in the workspace. Behind one with `to`, clients need not know that they speak to a proxy. */
export interface Door {
  readonly server: Server;
  readonly to: Target | undefined;
}

export interface EgressOptions {
  readonly doors: readonly Door[];
  /** The entry of the workspace's list that covers a target; undefined where it may not be reached. */
  readonly covering: (target: Target) => string | undefined;
  /** CIDRs that allowed hosts may have addresses in, beyond public ones. */
  readonly privateNetworks: readonly string[];
  /** What a refused client is told, in plain text. */
  readonly text: (refusal: Refused) => string;
  readonly resolver?: Resolver | undefined;
}

export interface Egress {
  decisions(): readonly NetworkDecision[];
  /** Ends it with every connection. */
  close(): void;
}

/** Serves the doors until it is closed. */
export async function startEgress(options: EgressOptions): Promise<Egress> {
  const { doors, covering, privateNetworks, resolver = systemResolver } = options;
  const gate = new Gate({ covering, resolver, permitted: await addressCheck(privateNetworks) });
  const open = new Set<Socket>();
  const http = await httpProxy(gate, (client, destination) => enter(client, destination, destination), options.text);

  /** A connection whose target is known, and nothing else of it. */
  function enter(client: Socket, target: Target, checked?: Destination): void {
    pass(client, target, checked).catch((error: unknown) => {
      gate.refused(error);
      endWithAlert(client, "accessDenied");
    });
  }

  async function pass(client: Socket, target: Target, checked: Destination | undefined): Promise<void> {
    const first = await someBytes(client, HELLO_MS);
    if (client.destroyed || client.readableEnded) return void client.destroy();
    if (!first) throw new Refused(`it says nothing within ${String(HELLO_MS / 1000)} s`, target);
    if (!isTls(first[0])) {
      client.unshift(first);
      return http.serve(client, target);
    }
    const hello = await namedHello(client, first, target);
    const destination = checked ?? (await gate.destination(target));
    const server = await gate.connect(destination).catch(() => undefined);
    if (server) splice(client, server, hello);
    else endWithAlert(client, "internalError");
  }

  for (const { server, to } of doors) {
    server.on("connection", (client: Socket) => {
      if (open.size >= CONNECTIONS_MAX) return void client.destroy();
      open.add(client);
      client.once("close", () => open.delete(client));
      client.on("error", () => undefined);
      client.setTimeout(IDLE_MS, () => client.destroy());
      if (to) enter(client, to);
      else http.serve(client);
    });
  }
  return {
    decisions: () => gate.decisions.list(),
    close: () => {
      for (const { server } of doors) server.close();
      for (const client of open) client.destroy();
      http.close();
    },
  };
}
