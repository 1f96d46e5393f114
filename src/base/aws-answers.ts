// The AWS SDK gathers answers in memory, however long they are. A server may be anybody's.
import { pipeline, Readable, Transform } from "node:stream";

/** Lists have up to 1,000 names of up to 1 KiB, with as much again around each; everything else is small. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** The step of every client of the SDK that sees answers before they are gathered. */
interface Stack {
  add(
    middleware: (
      next: (args: never) => Promise<{ response: unknown; output: never }>,
      context: { readonly commandName?: string },
    ) => (args: never) => Promise<{ response: unknown; output: never }>,
    options: { readonly step: "deserialize"; readonly priority: "low"; readonly name: string },
  ): void;
}

/** Ends answers of a client that are longer than any can be. What GetObject reads is bounded by whoever reads it. */
export function boundAnswers({ middlewareStack }: { readonly middlewareStack: object }): void {
  (middlewareStack as Stack).add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        const response = result.response as { statusCode?: number; body?: unknown };
        const isObject = commandName === "GetObjectCommand" && (response.statusCode ?? 0) < 300;
        if (!isObject && response.body instanceof Readable) response.body = bounded(response.body);
        return result;
      },
    // Next to the network.
    { step: "deserialize", priority: "low", name: "cloisterBoundAnswers" },
  );
}

function bounded(body: Readable): Readable {
  let bytes = 0;
  const limit = new Transform({
    transform(chunk: Uint8Array, _, done) {
      bytes += chunk.length;
      if (bytes <= ANSWER_BYTES_MAX) return done(undefined, chunk);
      const why = `an answer of more than ${String(ANSWER_BYTES_MAX / 1024 / 1024)} MiB`;
      done(Object.assign(new Error(why), { code: "ERR_ANSWER_TOO_LARGE" }));
    },
  });
  // Whoever gathers hears of a failure; the pipeline ends the connection.
  return pipeline(body, limit, () => {});
}
