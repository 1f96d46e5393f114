// Start-up as a person feels it: whole processes, in turn with a bare `node -e 0`, as ratios of medians. `policy explain`
// is measured twice: for a question that this policy version was not asked before on this device, and for one that it was.
// Usage: npm run bench [RUNS]
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./common.mjs";

const RUNS = Number(process.argv[2] ?? 25);
const program = fileURLToPath(new URL("../../bin/cloister.js", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "cloister-bench-"));
const project = join(home, "project");
const env = { PATH: process.env.PATH, HOME: home, NO_COLOR: "1" };
const standIn = fileURLToPath(new URL("../../build/stand-in-sts.mjs", import.meta.url));
const sts = spawn(process.execPath, [standIn], { stdio: ["pipe", "pipe", "inherit"] });

/** Wall milliseconds of one process. */
function time(args) {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, {
    env,
    cwd: project,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const wall = performance.now() - began;
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
  return wall;
}

/** Does something that is not timed, in the project. */
function must(...args) {
  const { status, stderr } = spawnSync(process.execPath, [program, ...args], { env, cwd: project, stdio: "pipe" });
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
}

try {
  const init = [program, "init", "--template", "solo", "--yes", "--insecure-storage", project];
  const made = spawnSync(process.execPath, init, { env, cwd: home, stdio: "pipe" });
  if (made.status !== 0) throw new Error(made.stderr.toString());
  const [address] = await once(sts.stdout, "data");
  Object.assign(env, {
    AWS_ENDPOINT_URL_STS: String(address).trim(),
    AWS_ACCESS_KEY_ID: "A",
    AWS_SECRET_ACCESS_KEY: "s",
  });
  const aws = '{ account: "111122223333", region: eu-west-1, bucket: acme-ml }';
  appendFileSync(join(project, "cloister.policy.yaml"), `aws: ${aws}\n`);
  must("policy", "propose", "--yes");
  const explain = [program, "policy", "explain", "artifact.pull", "--class", "internal", "--kind", "model"];
  const forget = () => rmSync(join(home, ".cache/cloister/policy/answers.json"), { force: true });
  const commands = {
    "--version": [program, "--version"],
    "--help": [program, "--help"],
    whoami: [program, "whoami"],
    "policy explain, asked before": explain,
    "policy explain, first time": explain,
    status: [program, "status"],
    list: [program, "list"],
    "creds process, kept session": [program, "creds", "process"],
  };
  const limits = { "--help": 1.5, "policy explain, asked before": 3, "creds process, kept session": 1.6 };
  const before = { "policy explain, first time": forget };
  console.log(`median of ${RUNS} runs each, in turn with \`node -e 0\` (Node ${process.versions.node})`);
  for (const [name, args] of Object.entries(commands)) {
    time(args);
    const pairs = Array.from({ length: RUNS }, () => {
      before[name]?.();
      return [time(["-e", "0"]), time(args)];
    });
    const bare = median(pairs.map(([a]) => a));
    const ours = median(pairs.map(([, b]) => b));
    const target = limits[name] ? `   target ${limits[name]}x` : "";
    console.log(
      `${name.padEnd(28)} ${(ours / bare).toFixed(2)}x   (${ours.toFixed(0)} ms against ${bare.toFixed(0)} ms)${target}`,
    );
  }
} finally {
  sts.stdin.end();
  rmSync(home, { recursive: true, force: true });
}
