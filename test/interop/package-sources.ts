// Where this machine's own pip, npm and apt get packages from, as they are configured here.
import { execFileSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { existsSync } from "node:fs";
import { addressCheck } from "../../src/sandbox/egress/address.ts";

const ANSWER_MS = 15_000;
/** What the machine trusts; workspaces see the same file. */
export const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

/** Which distributions' archives sign with; workspaces see them. */
const KEYRINGS = ["debian", "ubuntu"].map((name) => `/usr/share/keyrings/${name}-archive-keyring.gpg`);

export interface Source {
  readonly url: URL;
  /** As `--network` takes it. */
  readonly host: string;
  /** Networks that its address is in, where that is not public. */
  readonly privateNetworks: readonly string[];
}

/** A source that answers, or why there is none, to go on with the title of what is skipped. */
export type Found =
  | { readonly source: Source; readonly reason: "" }
  | { readonly source?: never; readonly reason: string };

export async function sourceOf(program: string, url: string | undefined): Promise<Found> {
  if (!url || !/^https?:/.test(url))
    return { reason: ` (skipped: ${program} has no source here that is reached over a network)` };
  const parsed = new URL(url);
  try {
    const { address } = await lookup(parsed.hostname);
    await fetch(parsed, { method: "HEAD", signal: AbortSignal.timeout(ANSWER_MS) });
    const isPublic = (await addressCheck([]))(address);
    const privateNetworks = isPublic ? [] : [`${address}/${address.includes(":") ? "128" : "32"}`];
    const port = parsed.port || (parsed.protocol === "https:" ? "443" : "80");
    return { source: { url: parsed, host: `${parsed.hostname}:${port}`, privateNetworks }, reason: "" };
  } catch {
    return { reason: ` (skipped: the source of ${program} does not answer)` };
  }
}

export function npmRegistry(): string | undefined {
  return output("npm", "config", "get", "registry");
}

/** `index-url`, or the first of `extra-index-url` that is reached over a network. */
export function pipIndex(): string | undefined {
  const lines = output("/usr/bin/python3", "-m", "pip", "config", "list")?.split("\n") ?? [];
  const values = lines
    .filter((line) => /(?:^|\.)(?:extra-)?index-url=/.test(line))
    .map((line) => line.split("'")[1] ?? "");
  return values.flatMap((value) => value.split(/\s+/)).find((value) => /^https?:/.test(value));
}

/** The first archive, as a line of sources.list(5). */
export function aptSource(): { readonly url: string; readonly line: string } | undefined {
  const format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
  const targets = output("apt-get", "indextargets", "--format", format, "Created-By: Packages")?.split("\n") ?? [];
  const [url, suite, component] = targets.find((line) => /^http.*\|main$/.test(line))?.split("|") ?? [];
  if (!url || !suite || !component) return undefined;
  const key = KEYRINGS.find((path) => existsSync(path));
  const options = key === undefined ? "trusted=yes" : `signed-by=${key}`;
  return { url, line: `deb [${options}] ${url} ${suite} ${component}\n` };
}

function output(program: string, ...args: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}
