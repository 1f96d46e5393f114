// A rotation hook: the member's own program, which changes a password where it is used and says what it is now.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { CloisterError, systemCode } from "../../base/errors.ts";
import type { Host } from "../host.ts";
import { VALUE_BYTES_MAX } from "./record.ts";

/** How long a hook may take to end after SIGTERM. */
const KILL_AFTER_MS = 5000;
/** Until what a hook printed has arrived once it ended; a program that it left behind may hold its output open for ever. */
const OUTPUT_MS = 1000;

/**
 * Runs a program on this host, without a shell: the old value on its standard input, the new one on its standard output. It
 * gets the caller's environment but for our own variables, which may name a passphrase file.
 * @throws CloisterError FAILURE (it cannot be started, ends with another code than 0, prints nothing or too much, takes too
 * long), INTERRUPTED
 */
export async function runHook(
  host: Host,
  { hook, timeoutMs }: { readonly hook: readonly string[]; readonly timeoutMs: number },
  oldValue: Uint8Array,
): Promise<Buffer> {
  const [program = "", ...args] = hook;
  const env = Object.fromEntries(Object.entries(host.env).filter(([name]) => !name.startsWith("CLOISTER_")));
  // A group of its own, so that what the hook started ends with it.
  const child = spawn(program, args, { cwd: host.cwd, env, stdio: ["pipe", "pipe", "inherit"], detached: true });
  const stopping = new Stopper(child);
  const timer = setTimeout(() => stopping.because(`it took longer than ${String(timeoutMs / 1000)} s`), timeoutMs);
  const interrupted = () => stopping.because("interrupted");
  host.signal.addEventListener("abort", interrupted, { once: true });
  if (host.signal.aborted) interrupted();
  try {
    const output = collect(child, stopping);
    child.stdin?.on("error", () => undefined).end(oldValue);
    const exit = await ended(child);
    await arrived(child);
    if (host.signal.aborted) throw new CloisterError("INTERRUPTED", "the rotation hook was interrupted", UNTOLD);
    if (stopping.reason !== undefined) throw failed(stopping.reason);
    if (exit !== 0) throw failed(`it ended with ${String(exit)}`);
    return Buffer.concat(output);
  } finally {
    clearTimeout(timer);
    stopping.over();
    child.stdout?.destroy();
    host.signal.removeEventListener("abort", interrupted);
  }
}

const UNTOLD = {
  next: "the secret is as it was; look whether the hook changed anything where it is used",
};

function failed(why: string): CloisterError {
  return new CloisterError("FAILURE", "the rotation hook failed", { why, ...UNTOLD });
}

/** Ends the hook and all it started: SIGTERM, then SIGKILL. */
class Stopper {
  readonly #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;
  reason: string | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  because(reason: string): void {
    this.reason ??= reason;
    this.#send("SIGTERM");
    this.#timer ??= setTimeout(() => this.#send("SIGKILL"), KILL_AFTER_MS);
  }

  over(): void {
    clearTimeout(this.#timer);
  }

  #send(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if (systemCode(error) !== "ESRCH") throw error;
    }
  }
}

function collect(child: ChildProcess, stopping: Stopper): Buffer[] {
  const output: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    // One byte of room for the line feed at its end.
    if (bytes <= VALUE_BYTES_MAX + 1) output.push(chunk);
    else stopping.because(`it printed more than ${String(VALUE_BYTES_MAX)} bytes`);
  });
  return output;
}

function ended(child: ChildProcess): Promise<number | NodeJS.Signals> {
  return new Promise((resolve, reject) => {
    child.once("error", (cause) => {
      const missing = systemCode(cause) === "ENOENT";
      reject(failed(missing ? "there is no such program" : "it cannot be started"));
    });
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "SIGKILL"));
  });
}

async function arrived({ stdout }: ChildProcess): Promise<void> {
  if (!stdout || stdout.readableEnded) return;
  await once(stdout, "end", { signal: AbortSignal.timeout(OUTPUT_MS) }).catch(() => undefined);
}
