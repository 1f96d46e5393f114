// The packages a command could load, looked for in a sandbox like its own, so that nothing else of the host is listed.
import { PassThrough, Readable, Writable } from "node:stream";
import { SOFTWARE_SCRIPT, softwareList } from "../../provenance/software.ts";
import type { ExecSpec } from "../../sandbox/exec-spec.ts";
import type { Sandbox } from "../../sandbox/sandbox.ts";
import type { WorkspaceState } from "./state.ts";

const LOOK_MS_MAX = 20_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Undefined where nothing was found, or looking took too long. */
export async function softwareOf(
  sandbox: Sandbox,
  { holder }: WorkspaceState,
  spec: ExecSpec,
): Promise<string | undefined> {
  const tooMuch = new AbortController();
  const chunks: Buffer[] = [];
  let bytes = 0;
  const stdout = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      if (bytes > OUTPUT_BYTES_MAX) tooMuch.abort();
      else chunks.push(chunk);
      done();
    },
  });
  const shown = (spec.mounts ?? []).map(({ path }) => path);
  const look: ExecSpec = {
    ...spec,
    argv: ["/bin/sh", "-c", SOFTWARE_SCRIPT, "sh", "/workspace", "/home/user", ...shown],
    // Nothing that is meant for the command alone.
    ...{ env: {}, files: undefined, devices: undefined, hosts: undefined, traced: undefined, sharesLoopback: false },
    tty: false,
    signal: AbortSignal.any([AbortSignal.timeout(LOOK_MS_MAX), tooMuch.signal]),
  };
  const streams = { stdin: Readable.from([]), stdout, stderr: new PassThrough().resume() };
  const { exit } = await sandbox.exec(holder, look, streams).catch(() => ({ exit: 1 }));
  const list = exit === 0 ? softwareList(Buffer.concat(chunks).toString("utf8")) : "";
  return list === "" ? undefined : list;
}
