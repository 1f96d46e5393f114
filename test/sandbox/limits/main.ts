// Runs every case as the user it is started by. Started to make a workspace with limits, it prints its state and ends without
// ending it.
import { argv, stdout } from "node:process";
import { Bubblewrap } from "../../../src/sandbox/bubblewrap/bubblewrap.ts";
import { runCases } from "../cases.ts";
import { CASES } from "./cases.ts";

const [, program = "", mode = "", folder = ""] = argv;
if (mode === "create") {
  const sandbox = new Bubblewrap({ now: Date.now });
  const spec = { id: "abandoned", ttlMs: 30_000, diskBytes: 1024 * 1024, limits: { memoryBytes: 64e6, processes: 64 } };
  const state = await sandbox.create(spec);
  await sandbox.keep(state);
  stdout.write(JSON.stringify(state));
} else {
  await runCases(CASES, { folder, program });
}
