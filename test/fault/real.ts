// Real processes for the tests of this folder: who they are, how they are killed, and what they moved.
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { unlockIdentity } from "../../src/keys/keyring.ts";
import { type Ended, type Member, type SpawnOptions, start } from "../acceptance/harness.ts";

/** The reading key of a member's device, for the checker of invariants. */
export async function readingKey(member: Member): Promise<string> {
  const places = {
    configDir: join(member.home, ".config/cloister"),
    passphraseFile: member.env["CLOISTER_PASSPHRASE_FILE"],
    now: Date.now,
  };
  return (await unlockIdentity(places)).ageSecret;
}

/** The document that a command with `--json` printed on standard output; undefined where it did not succeed (I8). */
export function acknowledged<T>({ exit, out }: Ended): T | undefined {
  if (exit === 0) return JSON.parse(out) as T;
  expect(out, "nothing is said to have happened").toBe("");
  return undefined;
}

/** What a person may see of a failure: a clear message, no stack, no internal error (I8). */
export function expectClearError({ exit, err, out }: Ended, what: string): void {
  expect(exit, `${what}: ${err}${out}`).not.toBe(0);
  expect(typeof exit, what).toBe("number");
  expect(err, what).not.toMatch(/^\s+at .*:\d+:\d+|node:internal|TypeError|Unhandled|undefined/m);
  expect(err, what).toMatch(/✗|"error"/);
}

/** Kills a command after a while; resolves when it is gone. */
export async function killAfter(member: Member, args: readonly string[], ms: number): Promise<Ended> {
  const { child, ended } = member.start(args);
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  const end = await ended;
  clearTimeout(timer);
  return end;
}

export interface Moved {
  readonly ended: Ended;
  /** Bytes of packs that were read from and written to the store. */
  readonly packsRead: number;
  readonly packsWritten: number;
}

/** Runs a command and counts, in the kernel, the bytes that it reads and writes of packs (also while they have no name yet). */
export async function counted(member: Member, args: readonly string[], options: SpawnOptions = {}): Promise<Moved> {
  const log = join(member.home, "trace");
  const calls = "trace=read,pread64,readv,preadv,write,pwrite64,writev,pwritev";
  const strace = ["strace", "-f", "-y", "-qq", "-s", "0", "-e", calls, "-e", "signal=none", "-o", log];
  const argv = [...strace, process.execPath, ...member.argv(args)];
  const ended = await start(argv, member.env, { cwd: member.folder, ...options }).ended;
  let [packsRead, packsWritten] = [0, 0];
  for (const line of readFileSync(log, "latin1").split("\n")) {
    const call = /^\d+ +(?:p?(read|write)(?:v|64)?)\(\d+<([^>]*)>.* = (\d+)$/.exec(line);
    const [, way, path = "", bytes = "0"] = call ?? [];
    if (way === "read" && path.includes("/store/packs/")) packsRead += Number(bytes);
    if (way === "write" && path.includes("/store/.tmp/")) packsWritten += Number(bytes);
  }
  rmSync(log);
  return { ended, packsRead, packsWritten };
}
