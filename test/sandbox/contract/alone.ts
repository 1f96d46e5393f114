// A process of its own that makes a workspace and ends, or runs a command in one with its own standard streams.
import { argv, env, exit, stderr, stdin, stdout } from "node:process";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import { Podman } from "../../../src/sandbox/podman/podman.ts";
import type { HolderState, Sandbox } from "../../../src/sandbox/sandbox.ts";

const [, , mode = "", first = "", second = ""] = argv;
if (mode === "create") {
  const state = await sandboxOf(first, second).create({ id: "alone", ttlMs: 2000, diskBytes: 1024 * 1024 });
  stdout.write(JSON.stringify(state));
} else {
  const state = JSON.parse(first) as HolderState;
  const [argv, { signal }] = [["/bin/sh", "-c", second], new AbortController()];
  const spec = { argv, env: {}, inputs: [], tools: [], tty: false, signal };
  exit((await sandboxOf(state.driver, state.image).exec(state, spec, { stdin, stdout, stderr })).exit);
}

function sandboxOf(driver: string, image: string | undefined): Sandbox {
  return driver === "podman" ? new Podman({ now: Date.now, env, image }) : new Bubblewrap({ now: Date.now });
}
