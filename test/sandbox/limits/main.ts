// Runs every case as the user it is started by, and reports each on a line of its own as JSON. Started to make a
// workspace with limits, it prints its state and ends without ending it.
import { argv, stdout } from "node:process";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import { CASES } from "./cases.ts";

const [, program = "", mode = "", folder = ""] = argv;
if (mode === "create") {
  const sandbox = new Bubblewrap({ now: Date.now });
  const spec = { id: "abandoned", ttlMs: 30_000, diskBytes: 1024 * 1024, limits: { memoryBytes: 64e6, processes: 64 } };
  stdout.write(JSON.stringify(await sandbox.create(spec)));
} else {
  for (const { name, run } of CASES) {
    const startMs = performance.now();
    const error = await run({ folder, program }).then(
      () => undefined,
      (cause: unknown) => String(cause instanceof Error ? (cause.stack ?? cause.message) : cause),
    );
    stdout.write(`${JSON.stringify({ name, error, ms: Math.round(performance.now() - startMs) })}\n`);
  }
}
