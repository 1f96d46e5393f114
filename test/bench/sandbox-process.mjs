// Does one thing with the sandbox and nothing else: no policy, no log. Packed, and started by sandbox-start.cjs.
import { readFileSync, writeFileSync } from "node:fs";
import { Bubblewrap } from "../../dist/sandbox/bubblewrap/bubblewrap.js";

/** @returns exit code */
export async function main([what, file]) {
  const sandbox = new Bubblewrap({ now: Date.now });
  const state = what === "create" ? undefined : JSON.parse(readFileSync(file, "utf8"));
  if (what === "create") {
    const made = await sandbox.create({ id: "bench", ttlMs: 600_000, diskBytes: 64_000_000 });
    await sandbox.keep(made);
    writeFileSync(file, JSON.stringify(made));
  } else if (what === "stop") {
    await sandbox.stop(state);
  } else {
    const spec = { argv: ["true"], env: {}, inputs: [], tty: false, signal: new AbortController().signal, tools: [] };
    const { exit } = await sandbox.exec(state, spec, process);
    return exit;
  }
  return 0;
}
