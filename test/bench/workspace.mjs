// Workspaces as whole processes, in turn with a bare `node -e 0` and with rootless podman, as ratios of medians. The
// sandbox alone is podman's peer: it decides and logs nothing. The command line adds the policy's decision (Cedar), the
// signed and sealed entries of the log before and after, and what is known of the workspace. All run as one ordinary user
// (root hands over to one).
// Usage: npm run bench:workspace [RUNS]
import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { pack } from "../../build/pack.mjs";
import { median } from "./common.mjs";

const RUNS = Number(process.argv[2] ?? 15);
/** A user that nothing else runs under. */
const UID = 61_007;
const root = fileURLToPath(new URL("../..", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "cloister-bench-"));
const project = join(home, "project");
const env = { PATH: process.env.PATH, HOME: home, XDG_RUNTIME_DIR: join(home, "run"), NO_COLOR: "1" };
const drop =
  process.getuid() === 0 ? ["setpriv", `--reuid=${UID}`, `--regid=${UID}`, "--clear-groups", "--inh-caps=-all"] : [];
const packed = join(home, "packed");
const starter = join(root, "test/bench/sandbox-start.cjs");
const alone = (what, name) => [process.execPath, starter, packed, what, join(home, `${name}.json`)];
const cloister = [process.execPath, join(root, "bin/cloister.js")];

/** Wall milliseconds of one process and everything that it waits for. */
function time(command, cwd = project) {
  const [program, ...args] = [...drop, ...command];
  const began = performance.now();
  const { status, stderr } = spawnSync(program, args, { env, cwd, stdio: ["ignore", "ignore", "pipe"] });
  const wall = performance.now() - began;
  if (status !== 0) throw new Error(`${command.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
  return wall;
}

/** Each row is [name, what is timed, what follows untimed]; all rows take turns. */
function compare(rows) {
  for (const [, command, after] of rows) {
    time(command);
    if (after) time(after);
  }
  const walls = new Map(rows.map(([name]) => [name, []]));
  for (let turn = 0; turn < RUNS; turn++) {
    for (const [name, command, after] of rows) {
      walls.get(name).push(time(command));
      if (after) time(after);
    }
  }
  const bare = median(walls.get("node -e 0"));
  for (const [name, values] of walls) {
    const ms = median(values);
    console.log(`  ${name.padEnd(34)} ${(ms / bare).toFixed(2)}x   (${ms.toFixed(0)} ms)`);
  }
}

/** podman with everything it keeps below our folder, and the root file system it runs: busybox alone. */
function podman() {
  const busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
  if (busybox === undefined || spawnSync("podman", ["--version"]).status !== 0) return undefined;
  const system = join(home, "system");
  for (const folder of ["bin", "proc", "dev", "sys", "tmp", "etc", "run"]) {
    mkdirSync(join(system, folder), { recursive: true });
  }
  copyFileSync(busybox, join(system, "bin/busybox"));
  chmodSync(join(system, "bin/busybox"), 0o755);
  for (const name of ["sh", "true", "sleep"]) symlinkSync("busybox", join(system, "bin", name));
  const places = ["--root", join(home, "podman"), "--runroot", join(home, "run/podman")];
  const command = ["podman", ...places, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"];
  return { command, system };
}

try {
  mkdirSync(join(home, "run"), { mode: 0o700 });
  // Packed, as the command line is, with V8's code of what it does.
  await pack({ input: { "sandbox-process": join(root, "test/bench/sandbox-process.mjs") }, folder: packed });
  const other = podman();
  if (drop.length > 0) spawnSync("chown", ["-R", `${UID}:${UID}`, home]);
  else chownSync(home, process.getuid(), process.getgid());
  time(alone("keep", "k"), home);
  time([...cloister, "init", "--template", "solo", "--yes", "--insecure-storage", project], home);
  const create = (name) => [
    ...cloister,
    "ws",
    "create",
    name,
    "--purpose",
    "modelling",
    "--ttl",
    "10m",
    "--disk",
    "64MB",
  ];
  const destroy = (name) => [...cloister, "ws", "destroy", name, "--yes"];
  const node = ["node -e 0", [process.execPath, "-e", "0"]];
  console.log(`median of ${RUNS} runs each, in turn with \`node -e 0\` (Node ${process.versions.node})`);
  console.log("create");
  const start = ["--network", "none", "--rootfs", other?.system ?? "", "/bin/sleep", "600"];
  compare([
    node,
    ["the sandbox alone", alone("create", "c"), alone("stop", "c")],
    ["cloister ws create", create("c"), destroy("c")],
    ...(other
      ? [
          [
            "rootless podman run -d",
            [...other.command, "run", "-d", "--name", "c", ...start],
            [...other.command, "rm", "-f", "-t", "0", "c"],
          ],
        ]
      : []),
  ]);
  console.log("run");
  time(create("r"));
  time(alone("create", "r"));
  if (other) time([...other.command, "run", "-d", "--name", "r", ...start]);
  compare([
    node,
    ["the sandbox alone", alone("run", "r")],
    ["cloister run r -- true", [...cloister, "run", "r", "--", "true"]],
    ...(other ? [["rootless podman exec r true", [...other.command, "exec", "r", "/bin/true"]]] : []),
  ]);
  time(alone("stop", "r"));
  time(destroy("r"));
  if (other) time([...other.command, "rm", "-f", "-t", "0", "r"]);
  else console.log("podman or busybox is not here: nothing to compare with");
} finally {
  rmSync(home, { recursive: true, force: true });
}
