// Nothing is left of workspaces, however many there were and whoever was killed meanwhile: no process, mount, socket, file
// or control group, and no workspace that the log takes for open.
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { IS_ROOT, REASON, WORKS } from "../sandbox/here.ts";

const PROJECT = join(import.meta.dirname, "../..");
/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_001;
const PATIENCE_MS = 900_000;
/** Memory where there is some: fsync on a disk is no part of this. */
const ROOM = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

interface Snapshot {
  readonly processes: readonly string[];
  readonly mounts: readonly string[];
  readonly sockets: number;
  readonly records: readonly string[];
  readonly temporary: readonly string[];
  readonly descriptors: number;
}

interface Soaked {
  readonly began: number;
  readonly ended: number;
  readonly failed: readonly string[];
  readonly kills: Readonly<Record<"command" | "holder" | "sandbox", number>>;
  readonly before: Snapshot;
  readonly after: Snapshot;
  readonly logOk: boolean;
  readonly workspaces: number;
  readonly open: number;
  readonly cgroups: readonly string[];
}

const OWN = ["unshare", ...(IS_ROOT ? [] : ["--user", "--map-current-user"]), "--pid", "--fork", "--kill-child"];
const SPACES = [...OWN, "--mount", "--mount-proc", "--net", "--"];
const possible = WORKS && spawnSync(SPACES[0] ?? "", [...SPACES.slice(1), "true"]).status === 0;
const reason = WORKS && !possible ? " (skipped: no process namespace of its own to be had here)" : REASON;

describe.skipIf(!possible)(`what is left of workspaces${reason}`, () => {
  const root = mkdtempSync(join(ROOM, "cloister-soak-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.skipIf(!IS_ROOT)(
    `of root: nothing, after 200 and many a kill${IS_ROOT ? "" : " (skipped: not root)"}`,
    async () => expectNothingLeft(await soak(root, "root", 200, []), 200),
    PATIENCE_MS,
  );

  it(
    "of an ordinary user: nothing, after 60 and many a kill",
    async () => {
      const drop = IS_ROOT
        ? ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups", "--"]
        : [];
      expectNothingLeft(await soak(root, "user", 60, drop), 60);
    },
    PATIENCE_MS,
  );
});

/**
 * In namespaces of its own. The first process there is a shell, which collects the dead; the project is mounted where an
 * ordinary user reaches it, wherever it lies.
 */
async function soak(root: string, who: string, cycles: number, drop: readonly string[]): Promise<Soaked> {
  const folder = join(root, who);
  for (const each of ["", "work", "tmp", "cloister"]) mkdirSync(join(folder, each), { recursive: true });
  spawnSync("chmod", ["755", root]);
  if (drop.length > 0) for (const each of ["work", "tmp"]) chownSync(join(folder, each), USER, USER);
  const script = 'mount --bind "$1" "$2" && cd / && shift 2 && "$@"; exit $?';
  const program = [process.execPath, join(folder, "cloister/test/interop/soak/soak.mjs"), join(folder, "work")];
  const command = ["sh", "-c", script, "sh", PROJECT, join(folder, "cloister"), ...drop, ...program, String(cycles)];
  const child = spawn(SPACES[0] ?? "", [...SPACES.slice(1), ...command], {
    env: { PATH: process.env["PATH"], TMPDIR: join(folder, "tmp"), HOME: join(folder, "work") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  child.stdout.on("data", (chunk) => {
    texts.out += String(chunk);
  });
  child.stderr.on("data", (chunk) => {
    texts.err += String(chunk);
  });
  const exit = await new Promise((resolve) => child.once("close", resolve));
  expect(exit, texts.err).toBe(0);
  return JSON.parse(texts.out) as Soaked;
}

function expectNothingLeft(soaked: Soaked, cycles: number): void {
  const { before, after, kills } = soaked;
  expect(soaked.began).toBeGreaterThanOrEqual(cycles);
  expect(soaked.workspaces).toBeGreaterThan(cycles / 2);
  expect(Math.min(...Object.values(kills)), JSON.stringify(kills)).toBeGreaterThan(0);
  // Most are never met by a kill; those that are fail as whatever was killed lets them.
  expect(soaked.ended, soaked.failed.join("\n")).toBeGreaterThan(cycles / 2);
  expect(after.processes).toEqual(before.processes);
  // Others may end meanwhile: a mount goes where the folder below it is removed, in whichever namespace.
  expect(after.mounts.filter((mount) => !before.mounts.includes(mount))).toEqual([]);
  expect(after.sockets).toBe(before.sockets);
  expect(after.records).toEqual([]);
  expect(after.temporary).toEqual([]);
  expect(after.descriptors).toBeLessThanOrEqual(before.descriptors + 2);
  expect({ cgroups: soaked.cgroups, open: soaked.open, logOk: soaked.logOk }).toEqual({
    ...{ cgroups: [], open: 0, logOk: true },
  });
}
