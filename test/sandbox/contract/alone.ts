// A process of its own that makes a workspace and ends, or runs a command in one with its own standard streams.
import { argv, env, exit, stderr, stdin, stdout } from "node:process";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import { Podman } from "../../../src/sandbox/podman/podman.ts";
import type { HolderState, Sandbox } from "../../../src/sandbox/sandbox.ts";

const [, , mode = "", first = "", second = "", third] = argv;
if (mode === "create") await create(2000, true);
else if (mode === "begin") await create(60_000, false);
else {
  const state = JSON.parse(first) as HolderState;
  const [argv, { signal }] = [["/bin/sh", "-c", second], new AbortController()];
  const files = third === undefined ? [] : [{ path: "/run/secrets/key", bytes: Buffer.from(third) }];
  const spec = { argv, env: {}, inputs: [], tools: [], tty: false, signal, files };
  exit((await sandboxOf(state.driver, state.image).exec(state, spec, { stdin, stdout, stderr })).exit);
}

/** Makes a workspace; where it does not keep it, it does not get to its own end, either. */
async function create(ttlMs: number, keeps: boolean): Promise<void> {
  const sandbox = sandboxOf(first, second);
  const state = await sandbox.create({ id: "alone", ttlMs, diskBytes: 1024 * 1024 });
  if (keeps) await sandbox.keep(state);
  else setInterval(() => undefined, 1000);
  stdout.write(JSON.stringify(state));
}

function sandboxOf(driver: string, image: string | undefined): Sandbox {
  return driver === "podman" ? new Podman({ now: Date.now, env, image }) : new Bubblewrap({ now: Date.now });
}
