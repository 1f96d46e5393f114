// The golden store as tests use it: a fresh copy with a member's home, the real command line, the Python reader.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { reader } from "./python-reader.ts";

export interface ExpectedFile {
  readonly path: string;
  readonly kind: "file" | "executable" | "directory";
  readonly sha256?: string;
}

export interface ExpectedVersion {
  readonly domain: string;
  readonly name: string;
  readonly number: number;
  readonly label: string | null;
  readonly class: string;
  readonly versionId: string;
  readonly digest: string;
  readonly pushedBy: string;
  readonly files: readonly ExpectedFile[];
}

export interface Expected {
  readonly project: string;
  readonly pin: string;
  readonly purpose: string;
  readonly versions: readonly ExpectedVersion[];
}

const root = join(import.meta.dirname, "../..");
export const golden = join(root, "test/golden/v1");
export const expected = expectedOf(golden);
export const MEMBERS = ["steward", "scientist"] as const;

export const isBuilt = existsSync(join(root, "dist/command/load.js"));
const work = mkdtempSync(join(tmpdir(), "golden-"));
afterAll(() => rmSync(work, { recursive: true }));

export interface Place {
  readonly store: string;
  readonly folder: string;
  readonly home: string;
  readonly key: string;
  readonly env: Readonly<Record<string, string>>;
}

/** What was put into a golden store. */
export function expectedOf(folder: string): Expected {
  return JSON.parse(readFileSync(join(folder, "expected.json"), "utf8")) as Expected;
}

let places = 0;

/** A copy of a golden store, and a member who never saw it before, with `env` in their environment. */
export function place(
  member: (typeof MEMBERS)[number],
  from = golden,
  env: Readonly<Record<string, string>> = {},
): Place {
  const base = join(work, String(places++));
  const [store, folder, home] = [join(base, "store"), join(base, "project"), join(base, "home")];
  cpSync(join(from, "store"), store, { recursive: true });
  const identity = join(home, ".config/cloister");
  cpSync(join(from, "TEST-KEYS-known-to-everybody", member), identity, { recursive: true });
  chmodSync(identity, 0o700);
  for (const name of readdirSync(identity)) chmodSync(join(identity, name), 0o600);
  mkdirSync(join(folder, ".cloister"), { recursive: true });
  const { project, pin } = expectedOf(from);
  const config = { store, project, pin };
  const lines = Object.entries(config).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
  writeFileSync(join(folder, ".cloister/config.yaml"), lines.join(""));
  return { store, folder, home, env, key: join(identity, "age.key") };
}

/** How a program ended, with the JSON document that it printed. */
interface Ended {
  readonly status: number | null;
  readonly stderr: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests compare it as a whole
  readonly result: any;
}

function run(argv: readonly string[], cwd: string, env: Readonly<Record<string, string | undefined>>): Promise<Ended> {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => {
      resolve({ status, stderr, result: stdout === "" ? undefined : JSON.parse(stdout) });
    });
  });
}

export function cloister({ folder, home, env }: Place, ...argv: string[]): Promise<Ended> {
  const program = [process.execPath, join(root, "bin/cloister.js")];
  return run([...program, ...argv, "--json", "--quiet"], folder, { ...env, HOME: home });
}

export function pull(at: Place, reference: string): Promise<Ended> {
  return cloister(at, "pull", reference, "-o", "out", "--purpose", expected.purpose);
}

/** Extracts with the Python reader to the folder `read`. */
export function read({ store, folder, key, env }: Place, reference: string, ...flags: string[]): Promise<Ended> {
  const argv = [...reader, ...flags, store, key, reference, join(folder, "read")];
  return run(argv, folder, { ...env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" });
}

/** What the Python reader says a version is, after checking what was stated about it. */
export function show({ store, folder, key, env }: Place, reference: string): Promise<Ended> {
  const argv = [...reader, "--show", store, key, reference];
  return run(argv, folder, { ...env, PYTHONDONTWRITEBYTECODE: "1", PYTHONUTF8: "1" });
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function referenceOf({ domain, name, number, label }: ExpectedVersion): string {
  return `${domain}/${name}:${label ?? `v${String(number)}`}`;
}

/** What lies in a folder, in the order of `expected.json`. The manifest that `pull` adds is left out. */
export function filesOf(folder: string, path = ""): ExpectedFile[] {
  const entries = readdirSync(join(folder, path), { withFileTypes: true });
  if (entries.length === 0) return [{ path, kind: "directory" }];
  const files = entries.flatMap((entry): ExpectedFile[] => {
    const at = path === "" ? entry.name : `${path}/${entry.name}`;
    if (at === "provenance.sigstore.json") return [];
    if (entry.isDirectory()) return filesOf(folder, at);
    const kind = (statSync(join(folder, at)).mode & 0o111) === 0 ? "file" : "executable";
    return [{ path: at, kind, sha256: sha256Hex(readFileSync(join(folder, at))) }];
  });
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/** The same of a version, as it was pushed. */
export function expectedFiles(version: ExpectedVersion): ExpectedFile[] {
  return version.files.map(({ path, kind, sha256 }) => (sha256 ? { path, kind, sha256 } : { path, kind }));
}
