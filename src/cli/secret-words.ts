// How secrets are written on the command line, and how their values are read.
import { CloisterError } from "../base/errors.ts";
import { valueFrom } from "../base/value-text.ts";
import type { SecretUse } from "../index.ts";
import type { Call } from "./call.ts";

/** `NAME`, `NAME=VARIABLE` or `NAME:/run/secrets/FILE`. @throws CloisterError USAGE */
export function secretUse(text: string): SecretUse {
  const match = /^([^=:]+)(?:=([^=:]+)|:(\/.+))?$/.exec(text);
  const [, name, env, path] = match ?? [];
  if (name === undefined) {
    throw new CloisterError("USAGE", `--secret ${text} names no secret`, {
      next: "--secret NAME, --secret NAME=VARIABLE or --secret NAME:/run/secrets/FILE",
    });
  }
  return { name, as: env !== undefined ? { env } : path !== undefined ? { path } : undefined };
}

/** Enough to notice that a value is too long, whatever comes after. */
const READ_BYTES_MAX = 65 * 1024;

/**
 * The value, from a hidden prompt or from standard input; never from an argument, which every user of the machine can
 * read.
 * @throws CloisterError USAGE where nobody can be asked, INTERRUPTED
 */
export async function readValue(call: Call, what: string): Promise<Buffer> {
  const { io, prompter } = call.context;
  call.progress.clear();
  if (io.inIsTty) return Buffer.from(await prompter.hidden({ message: `${what}:`, flag: "a value on standard input" }));
  const chunks: Buffer[] = [];
  let bytes = 0;
  const { signal } = call.host;
  const stop = () => io.stdin.destroy(new CloisterError("INTERRUPTED", "interrupted"));
  signal.addEventListener("abort", stop, { once: true });
  try {
    for await (const chunk of io.stdin) {
      chunks.push(Buffer.from(chunk as Buffer));
      bytes += (chunk as Buffer).length;
      if (bytes > READ_BYTES_MAX) break;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
  const value = Buffer.concat(chunks);
  return call.flags.on("keepNewline") ? value : valueFrom(value);
}
