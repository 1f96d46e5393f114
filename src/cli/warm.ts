// What shells and SDKs ask every few seconds is answered from what is kept, without a parser: importing it is most of
// such a start. Whatever is not plain is left to the longer way, which also says what is wrong.
import { homedir } from "node:os";
import { resolve } from "node:path";
import { listCredentials, warmProcess } from "../index.ts";
import { credentialOptions } from "./credential-flags.ts";
import { Flags } from "./flags.ts";
import { promptText } from "./words.ts";

const WITH_VALUE: Readonly<Record<string, string>> = {
  "-C": "C",
  "--role": "role",
  "--domain": "domain",
  "--purpose": "purpose",
  "--ttl": "ttl",
  "--min-ttl": "minTtl",
  "--profile": "profile",
  "--token-file": "tokenFile",
};
const SWITCHES: Readonly<Record<string, string>> = {
  "--json": "json",
  "--quiet": "quiet",
  "--read-only": "readOnly",
  "--prompt": "prompt",
};

/** What `creds process` or `creds status --prompt` prints; undefined where the longer way has to be gone. */
export async function warmAnswer(argv: readonly string[], host: NodeJS.Process): Promise<string | undefined> {
  const [, command, ...rest] = argv;
  const values = plainFlags(rest);
  if (!values) return undefined;
  const { env } = host;
  const flags = new Flags(values, env);
  const folder = resolve(host.cwd(), flags.text("C") ?? ".");
  const process = { env, home: env["HOME"] ?? homedir(), now: Date.now };
  try {
    if (command === "status" && flags.on("prompt") && !flags.on("json")) {
      const { credentials } = await listCredentials(process, folder);
      return credentials[0] ? `${promptText(credentials[0])}\n` : "";
    }
    if (command !== "process" || flags.on("prompt")) return undefined;
    const document = await warmProcess(process, folder, credentialOptions(flags, "aws"));
    return document && `${JSON.stringify(document)}\n`;
  } catch {
    return undefined;
  }
}

/** Flags and values, each given once; undefined for anything else. */
function plainFlags(argv: readonly string[]): Readonly<Record<string, unknown>> | undefined {
  const values: Record<string, unknown> = {};
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? "";
    const name = WITH_VALUE[word];
    const value = name === undefined ? undefined : argv[++at];
    const key = name ?? SWITCHES[word];
    if (key === undefined || (name !== undefined && (value === undefined || value.startsWith("-")))) return undefined;
    if (values[key] !== undefined) return undefined;
    values[key] = value ?? true;
  }
  return values;
}
