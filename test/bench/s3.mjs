// Throughput to and from a bucket: the command line, the driver alone, `aws s3 cp` and `rclone`, in turn on one radosgw on
// loopback, as ratios of medians. What of it is the server's own speed shows in the driver's line.
// Usage: npm run bench:s3 -- [MIB] [RUNS]     (default 256 MiB, 3 runs)
import { spawn, spawnSync } from "node:child_process";
import { randomFillSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { s3Store } from "../../dist/store/s3.js";
import { has, median } from "./common.mjs";

const MIB = 1024 * 1024;
const PACK = 64 * MIB;
const size = Number(process.argv[2] ?? 256) * MIB;
const runs = Number(process.argv[3] ?? 3);
process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] = "true";
const serve = fileURLToPath(new URL("../interop/radosgw/serve.sh", import.meta.url));
const program = fileURLToPath(new URL("../../bin/cloister.js", import.meta.url));
const keys = { accessKeyId: "AKIAPLAIN0000000TEST", secretAccessKey: "plain-secret-key-for-tests" };
const bucket = "bench";

if (!has("radosgw") || !has("ceph-mon")) {
  console.log("skipped: no radosgw (apt-get install --no-install-recommends ceph-mon ceph-osd radosgw ceph-common)");
  process.exit(0);
}

const home = mkdtempSync(join(tmpdir(), "cloister-bench-s3-"));
const file = join(home, "data/file");
const project = join(home, "project");
const server = await startServer();
try {
  await bench();
} finally {
  server.stdin.end();
  await new Promise((resolve) => server.once("close", resolve));
  rmSync(home, { recursive: true, force: true });
}

async function startServer() {
  const folder = join(home, "radosgw");
  mkdirSync(folder);
  const child = spawn(serve, [folder], { stdio: ["pipe", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    child.endpoint = line;
    break;
  }
  if (!child.endpoint) throw new Error("radosgw does not start");
  return child;
}

async function bench() {
  const { endpoint } = server;
  const client = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials: keys });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  mkdirSync(join(home, "data"));
  writeFileSync(file, randomFillSync(Buffer.alloc(size)));
  const init = ["init", project, "--store", `s3://${bucket}/project`, "--endpoint", endpoint, "--yes"];
  run([process.execPath, program, ...init, "--insecure-storage"], home);

  const rows = contenders(endpoint);
  const times = new Map(rows.map(({ name }) => [name, []]));
  // Once to warm up, which also makes the server's pools.
  for (let at = 0; at <= runs; at++) {
    for (const { name, act } of rows) {
      const ms = await act(at);
      if (at > 0) times.get(name).push(ms);
    }
  }
  report(rows, times);
}

/** In the order of their turns: each upload before its download. */
function contenders(endpoint) {
  const peers = [];
  if (has("aws")) {
    const aws = (...args) => run(["aws", "--endpoint-url", endpoint, "s3", "cp", "--only-show-errors", ...args], home);
    peers.push({ name: "aws s3 cp up", act: () => aws(file, `s3://${bucket}/aws`) });
    peers.push({ name: "aws s3 cp down", act: () => aws(`s3://${bucket}/aws`, fresh("aws")) });
  } else console.log("skipped: no aws (apt-get install awscli)");
  if (has("rclone")) {
    const rclone = (...args) => run(["rclone", "copyto", "--s3-no-check-bucket", ...args], home);
    peers.push({ name: "rclone up", act: () => rclone("--ignore-times", file, `bench:${bucket}/rclone`) });
    peers.push({ name: "rclone down", act: () => rclone(`bench:${bucket}/rclone`, fresh("rclone")) });
  } else console.log("skipped: no rclone (apt-get install rclone)");
  const cloister = (...args) => run([process.execPath, program, ...args], project);
  return [
    { name: "driver up", act: (at) => driverUp(endpoint, at) },
    { name: "driver down", act: (at) => driverDown(endpoint, at) },
    { name: "cloister push", act: (at) => cloister("push", file, "--name", `a${String(at)}`, "--class", "internal") },
    { name: "cloister pull", act: (at) => cloister("pull", `a${String(at)}`, "-o", fresh("cloister")) },
    ...peers,
  ];
}

/** Packs one after the other, as a push stores them. */
async function driverUp(endpoint, at) {
  const pack = randomFillSync(Buffer.alloc(PACK));
  const store = storeAt(endpoint);
  return await timed(async () => {
    for (let i = 0; i * PACK < size; i++) {
      await store.create(`packs/${at}/${i}`, [pack.subarray(0, Math.min(PACK, size - i * PACK))]);
    }
  });
}

async function driverDown(endpoint, at) {
  const store = storeAt(endpoint);
  const ms = await timed(async () => {
    for (let i = 0; i * PACK < size; i++) await store.range(`packs/${at}/${i}`, 0, PACK);
  });
  for (let i = 0; i * PACK < size; i++) await store.delete(`packs/${at}/${i}`);
  return ms;
}

function storeAt(endpoint) {
  const { signal } = new AbortController();
  return s3Store({ bucket, prefix: "driver", endpoint, region: "us-east-1", credentials: async () => keys, signal });
}

async function timed(act) {
  const began = performance.now();
  await act();
  return performance.now() - began;
}

/** Wall milliseconds of one process. */
function run(argv, cwd) {
  const env = {
    ...{ PATH: process.env.PATH, HOME: home, NO_COLOR: "1", AWS_EC2_METADATA_DISABLED: "true" },
    ...{ AWS_ACCESS_KEY_ID: keys.accessKeyId, AWS_SECRET_ACCESS_KEY: keys.secretAccessKey, AWS_REGION: "us-east-1" },
    ...{ RCLONE_CONFIG_BENCH_TYPE: "s3", RCLONE_CONFIG_BENCH_PROVIDER: "Ceph", RCLONE_CONFIG_BENCH_ENV_AUTH: "true" },
    RCLONE_CONFIG_BENCH_ENDPOINT: server.endpoint,
  };
  const began = performance.now();
  const { status, stderr } = spawnSync(argv[0], argv.slice(1), { env, cwd, stdio: ["ignore", "ignore", "pipe"] });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
  return ms;
}

/** Where a download goes: nothing may lie there. */
function fresh(name) {
  const path = join(home, `down-${name}`);
  if (existsSync(path)) rmSync(path, { recursive: true });
  return path;
}

function report(rows, times) {
  const rate = (ms) => `${(statSync(file).size / MIB / (ms / 1000)).toFixed(0)} MiB/s`;
  console.log(`${size / MIB} MiB, median of ${runs} runs each, in turn, on one radosgw (memory) on loopback`);
  for (const [ours, ending] of [
    ["cloister push", " up"],
    ["cloister pull", " down"],
  ]) {
    const own = median(times.get(ours));
    console.log(`${ours.padEnd(16)} ${(own / 1000).toFixed(2)} s   ${rate(own)}`);
    for (const { name } of rows.filter((row) => row.name.endsWith(ending))) {
      const ms = median(times.get(name));
      console.log(
        `  ${name.padEnd(14)} ${(ms / 1000).toFixed(2)} s   ${rate(ms)}   cloister takes ${(own / ms).toFixed(2)}x its time`,
      );
    }
  }
}
