// Where in a workspace's loopback the ways out begin: an address of its own for each host, so that a name can lead there
// whatever its port, and one for the proxy.
import { randomInt } from "node:crypto";
import type { Target } from "./target.ts";

/** The port that proxies are known by. */
const PROXY_PORT = 3128;
/** 127.1.0.0 to 127.254.0.0: free of the addresses that programs use by themselves. */
const FIRST = 0x7f_01_00_00;
const LAST = 0x7f_fe_00_00;

export interface LoopbackPlan {
  readonly proxy: { readonly address: string; readonly port: number };
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  /** Where sockets listen for each target, in its order. */
  readonly doors: readonly { readonly address: string; readonly port: number; readonly to: Target }[];
}

/**
 * Commands that run side by side in one workspace share its loopback; each takes a range at random, and another one where
 * that is taken.
 */
export function planLoopback(targets: readonly Target[]): LoopbackPlan {
  const base = randomInt(FIRST, LAST);
  const names = [...new Set(targets.map(({ host }) => host))];
  const addressOf = (name: string) => dotted(base + 1 + names.indexOf(name));
  return {
    proxy: { address: dotted(base), port: PROXY_PORT },
    hosts: names.map((name) => ({ name, address: addressOf(name) })),
    doors: targets.map((to) => ({ address: addressOf(to.host), port: to.port, to })),
  };
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => String((address >>> shift) & 0xff)).join(".");
}
