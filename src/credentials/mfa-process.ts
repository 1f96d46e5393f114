// The program that a profile names for the code of its second factor (`mfa_process`, a setting of aws-vault).
import { spawn } from "node:child_process";
import { once } from "node:events";
import { CloisterError, systemCode } from "../base/errors.ts";

/** As long as a person may need to touch a key, in ms. */
const CODE_MS = 60_000;
const OUTPUT_BYTES_MAX = 1024;

/** What only a shell makes something of, outside of quotes. */
const SHELL_ONLY = /[|&;<>()$`\\*?[\]{}~#\n]/;

/**
 * The words of a command. A shell is not started: quotes hold words together, and what else a shell would act on is refused.
 * @throws CloisterError USAGE
 */
export function wordsOf(command: string): readonly [string, ...string[]] {
  const parts = [...command.matchAll(/'[^']*'|"[^"]*"|[^\s'"]+|\s+|['"]/g)].map(([part]) => part);
  const words: string[] = [];
  let joins = false;
  for (const part of parts) {
    const isSpace = /^\s/.test(part);
    const quoted = part.length > 1 && /^['"]/.test(part);
    if (part === "'" || part === '"') throw forShell(command, "a quote has no end");
    if (quoted ? part.startsWith('"') && /[$`\\]/.test(part) : SHELL_ONLY.test(part)) {
      throw forShell(command, "it has what only a shell understands");
    }
    const text = quoted ? part.slice(1, -1) : part;
    if (!isSpace) words.push(joins ? `${words.pop() ?? ""}${text}` : text);
    joins = !isSpace;
  }
  const [program, ...args] = words;
  if (program === undefined || program === "") throw forShell(command, "it names no program");
  return [program, ...args];
}

function forShell(command: string, why: string): CloisterError {
  return new CloisterError("USAGE", `mfa_process cannot be run without a shell: ${command.slice(0, 200)}`, {
    why,
    next: 'name a script, or the shell itself: mfa_process = sh -c "…"',
  });
}

/**
 * What the program prints, without the white space around it. Its standard error is the caller's: it may ask to touch a key.
 * @param env for the program; what opens Cloister's identity has no place in it
 * @throws CloisterError NOT_AUTHENTICATED where it gives no code; USAGE; INTERRUPTED
 */
export async function codeFrom(
  command: string,
  { env, signal }: { readonly env: Readonly<Record<string, string | undefined>>; readonly signal: AbortSignal },
): Promise<string> {
  const [program, ...args] = wordsOf(command);
  const child = spawn(program, args, { env, signal, timeout: CODE_MS, stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString("latin1");
    if (output.length > OUTPUT_BYTES_MAX) child.kill("SIGKILL");
  });
  try {
    const [exit, killed] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
    if (exit === 0) return output.trim();
    throw noCode(
      exit === null
        ? `it was ended (${killed ?? ""}): it took too long, or printed too much`
        : `it ended with ${String(exit)}`,
    );
  } catch (error) {
    if (signal.aborted) throw new CloisterError("INTERRUPTED", "interrupted");
    if (error instanceof CloisterError) throw error;
    throw noCode(systemCode(error) === "ENOENT" ? `there is no program ${program}` : "it cannot be started");
  }
}

function noCode(why: string): CloisterError {
  return new CloisterError("NOT_AUTHENTICATED", "the profile's mfa_process gave no code", {
    why,
    next: "--mfa-token CODE, or correct mfa_process in the AWS configuration file",
  });
}
