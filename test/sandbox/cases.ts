// Programs of the tests that are compiled and run by themselves, as root and as an ordinary user: what their cases are, and
// how they report.
import { stdout } from "node:process";

/** Where worlds keep their folders, and the program that runs the cases. */
export interface Place {
  readonly folder: string;
  readonly program: string;
}

export interface Case<Where = Place> {
  readonly name: string;
  run(where: Where): Promise<void>;
}

/** Of one case, without `error` where it passed. */
export interface Result {
  readonly name: string;
  readonly error?: string;
}

/** Runs the cases one after the other, and reports each on a line of its own as JSON. */
export async function runCases<Where>(cases: readonly Case<Where>[], where: Where): Promise<void> {
  for (const { name, run } of cases) {
    const startMs = performance.now();
    const error = await run(where).then(
      () => undefined,
      (cause: unknown) => String(cause instanceof Error ? (cause.stack ?? cause.message) : cause),
    );
    stdout.write(`${JSON.stringify({ name, error, ms: Math.round(performance.now() - startMs) })}\n`);
  }
}
