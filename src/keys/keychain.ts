// The keychain of the operating system, through keytar or @napi-rs/keyring. The two do not see each other's items.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import type { KeychainKind, SecretStore } from "./secret-store.ts";

const SERVICE = "cloister";
/** A person may have to answer the keychain's own prompt. */
const ANSWER_MS = 60_000;
const PROBE_MS = 3000;

/** The package behind each driver. */
export const PACKAGE: Readonly<Record<KeychainKind, string>> = { keytar: "keytar", keyring: "@napi-rs/keyring" };

type Operation = "get" | "set" | "delete" | "probe";

/**
 * Runs in a process of its own: with a D-Bus that accepts and never answers, `new AsyncEntry()` blocks its thread for
 * good, so that no time-out in the same process could fire and not even `process.exit` would end it. The secret comes
 * and goes through pipes.
 */
const CHILD = `
const [kind, path, service, account, operation] = process.argv.slice(1);
const secret = require("node:fs").readFileSync(0, "utf8");
const load = () => {
  try {
    return require(path);
  } catch (error) {
    // The first of these codes is followed by a list of files, and means that no install script has run.
    const why = error.code === "MODULE_NOT_FOUND" ? "its compiled part is missing" : error.message;
    throw Object.assign(new Error(why), { unloadable: true });
  }
};
const main = async () => {
  const library = load();
  const options = process.platform === "linux" ? { linux: { store: "secret-service" } } : undefined;
  const entry = kind === "keytar" ? undefined : new library.AsyncEntry(service, account, options);
  const run = {
    get: () => (entry ? entry.getPassword() : library.getPassword(service, account)),
    set: () => (entry ? entry.setPassword(secret) : library.setPassword(service, account, secret)),
    delete: () => (entry ? entry.deletePassword() : library.deletePassword(service, account)),
    probe: async () => {
      await run.set();
      const found = await run.get();
      await run.delete();
      return found;
    },
  };
  return run[operation]();
};
main().then(
  (answer) => process.stdout.write(JSON.stringify({ answer: answer ?? null })),
  (error) => process.stdout.write(JSON.stringify({ error: String(error.message), unloadable: error.unloadable })),
);
`;

/** Every method throws an `Error` with one line of the keychain's own words where it is absent, locked or silent. */
export function keychain(kind: KeychainKind): SecretStore {
  const run = async (operation: Operation, account: string, secret = "") => ask(kind, operation, account, secret);
  return {
    kind,
    async get(account) {
      const answer = await run("get", account);
      return typeof answer === "string" ? answer : undefined;
    },
    async set(account, secret) {
      await run("set", account, secret);
    },
    delete: async (account) => (await run("delete", account)) === true,
  };
}

/** Writes, reads and deletes an item within 3 s. @throws Error saying in one line what does not work */
export async function probeKeychain(kind: KeychainKind): Promise<void> {
  // As long as an identity: some keychains refuse only longer items.
  const secret = randomBytes(150).toString("base64");
  const found = await ask(kind, "probe", `probe-${randomBytes(8).toString("hex")}`, secret, PROBE_MS);
  if (found !== secret) throw new Error("it gave back something else");
}

function locate(name: string): string {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    throw new PackageUnusable(`${name} is not installed`, `npm install ${name}`);
  }
}

/** The package of a driver is not there, or only in part: optional packages may be left out, or vanish with an update. */
export class PackageUnusable extends Error {
  /** The command that mends it. */
  readonly next: string;

  constructor(message: string, next: string) {
    super(message);
    this.next = next;
  }
}

interface ChildAnswer {
  readonly answer?: unknown;
  readonly error?: string;
  readonly unloadable?: boolean;
}

async function ask(
  kind: KeychainKind,
  operation: Operation,
  account: string,
  secret: string,
  limitMs = ANSWER_MS,
): Promise<unknown> {
  const args = [kind, locate(PACKAGE[kind]), SERVICE, account, operation];
  return new Promise((resolve, reject) => {
    const options = { timeout: limitMs, killSignal: "SIGKILL", windowsHide: true } as const;
    const child = execFile(process.execPath, ["-e", CHILD, "--", ...args], options, (error, stdout) => {
      // Neither the error nor its stderr is passed on: it quotes the script.
      if (error?.killed) return reject(new Error(`no answer within ${String(limitMs / 1000)} s`));
      if (error) return reject(new Error("its library ends the process that loads it"));
      const { answer, error: refusal, unloadable } = JSON.parse(stdout) as ChildAnswer;
      if (refusal === undefined) return resolve(answer);
      const words = refusal.split("\n")[0]?.slice(0, 200) ?? "";
      const name = PACKAGE[kind];
      reject(
        unloadable ? new PackageUnusable(`${name} does not load: ${words}`, `npm rebuild ${name}`) : new Error(words),
      );
    });
    // The child may die before it has read everything.
    child.stdin?.on("error", () => {});
    child.stdin?.end(secret);
  });
}
