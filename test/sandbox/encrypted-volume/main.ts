// Runs every case as the user it is started by, and reports each on a line of its own as JSON.
import { argv, stdout } from "node:process";
import { CASES } from "./cases.ts";

const [, program = "", folder = ""] = argv;
for (const { name, run } of CASES) {
  const error = await run({ folder, program }).then(
    () => undefined,
    (cause: unknown) => String(cause instanceof Error ? (cause.stack ?? cause.message) : cause),
  );
  stdout.write(`${JSON.stringify({ name, error })}\n`);
}
