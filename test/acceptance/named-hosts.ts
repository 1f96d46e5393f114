// The program under test as if these names had these addresses: in a mount namespace of its own it sees another
// /etc/hosts. Only root can give it one.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BIN, type Ended, has, IS_ROOT, type Member, type SpawnOptions, start } from "./harness.ts";

/** To go on with the title of what is skipped; empty where names can be given addresses. */
export const NO_NAMES = IS_ROOT && has("unshare") ? "" : " (skipped: only root can give names addresses)";

const MOUNT = 'mount --bind "$0" /etc/hosts && exec "$@"';

/** Runs `cloister` as a member for whom these names are known, besides localhost. */
export async function withNames(
  member: Member,
  names: Readonly<Record<string, string>>,
  args: readonly string[],
  options: SpawnOptions = {},
): Promise<Ended> {
  const argv = namedArgv(member, names, args);
  return await start(argv, member.env, { cwd: member.folder, ...options }).ended;
}

/** The same command as its words, for a terminal. */
export function namedArgv(
  member: Member,
  names: Readonly<Record<string, string>>,
  args: readonly string[],
): readonly string[] {
  const file = join(member.env["TMPDIR"] ?? "", "hosts");
  const lines = Object.entries({ localhost: "127.0.0.1", ...names }).map(([name, address]) => `${address} ${name}\n`);
  writeFileSync(file, lines.join(""));
  const unshared = ["unshare", "--mount", "--propagation", "private", "sh", "-c", MOUNT, file];
  return [...unshared, process.execPath, BIN, ...args];
}
