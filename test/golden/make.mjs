#!/usr/bin/env node
// Makes the golden store: a small real project, written with the built command line, that every later version must read.
//
//   npx tsc -b && node test/golden/make.mjs            writes test/golden/v1, which must not exist
//
// It was run once for each version of the format; a new version of the format gets a folder of its own (v2, …), and the
// old ones stay. The model comes from a recorded run, so the machine needs a working sandbox (cloister doctor).
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const VERSION = "v1";
const DOMAIN = "churn";
const PURPOSE = "churn-modelling";
/** Readers refuse a pull once the policy expired; a golden store must outlive that. */
const EXPIRES = "2099-12-31";

const root = join(import.meta.dirname, "../..");
const target = join(import.meta.dirname, VERSION);
if (existsSync(target)) throw new Error(`${target} exists: a golden store is never made again`);
const work = mkdtempSync(join(tmpdir(), "cloister-golden-"));
const store = join(work, "store");

const README = `# Golden store ${VERSION}

A store as \`test/golden/make.mjs\` made it, never changed since. Every later version of Cloister must read it, and so must
\`test/interop/reader/cloister_reader.py\`. \`expected.json\` says what is in it.

**The keys in \`TEST-KEYS-known-to-everybody\` are public.** They open this store and nothing else. Never put them into a
policy, never encrypt anything to them.
`;

/** A manifest describes the machine that a push came from. This one shall describe nobody's. */
const NOBODYS_MACHINE = `data:text/javascript,${encodeURIComponent(`
  import os from "node:os";
  import { syncBuiltinESMExports } from "node:module";
  Object.assign(os, { release: () => "6.1.0", totalmem: () => 8 * 2 ** 30, cpus: () => [{ model: "CPU" }, { model: "CPU" }] });
  syncBuiltinESMExports();
`)}`;

/** Runs the command line as one member, each with a home of their own. */
function cloister(member, args, cwd = join(work, member)) {
  mkdirSync(cwd, { recursive: true });
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const flags = ["--insecure-storage", "--json", "--quiet"];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    ["--import", NOBODYS_MACHINE, join(root, "bin/cloister.js"), ...args.slice(0, end), ...flags, ...args.slice(end)],
    { cwd, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: join(work, `home-${member}`) } },
  );
  if (status !== 0) throw new Error(`cloister ${args.join(" ")} ended with ${String(status)}\n${stdout}${stderr}`);
  return JSON.parse(stdout);
}

/** Bytes that do not compress and are the same at every run. */
function noise(length, seed) {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash("sha256").update(`${seed} ${String(i)}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
}

function write(folder, path, bytes, mode = 0o644) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  chmodSync(file, mode);
}

/** One of each: what a tree can hold, and what readers get wrong. */
function writeDataset(folder) {
  write(folder, "empty.csv", "");
  mkdirSync(join(folder, "empty-folder"), { recursive: true });
  mkdirSync(join(folder, "nested/also-empty"), { recursive: true });
  write(folder, "clean.sh", "#!/bin/sh\nexit 0\n", 0o755);
  write(folder, "nested/deep/er/rows.csv", "id,value\n1,2\n");
  write(folder, "größe/naïve 数据.csv", "id\n1\n");
  // UTF-8 order differs from UTF-16 order in these two.
  write(folder, "order/\u{ff21}.txt", "fullwidth\n");
  write(folder, "order/\u{1f600}.txt", "astral\n");
  write(folder, "same-1.bin", noise(20_000, "same"));
  write(folder, "same-2.bin", noise(20_000, "same"));
  // Over 1 MiB: cut as a stream of its own, into several chunks.
  write(folder, "large.bin", noise(1_200_000, "large"));
}

/** What lies in a folder: what any reader must find. Empty folders are entries, others follow from the paths. */
function filesOf(folder, path = "") {
  const entries = readdirSync(join(folder, path), { withFileTypes: true });
  if (entries.length === 0) return [{ path, kind: "directory" }];
  return entries.flatMap((entry) => {
    const at = path === "" ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory()) return filesOf(folder, at);
    const bytes = readFileSync(join(folder, at));
    return [{ path: at, kind: "file", bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") }];
  });
}

const versions = [];

/** Notes a version as a reader must find it. */
function expected(pushed, folder, executable = []) {
  const files = filesOf(folder).sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  for (const file of files) if (executable.includes(file.path)) file.kind = "executable";
  const { domain, name, number, label, class: klass, kind, versionId, digest, pushedBy } = pushed;
  versions.push({ domain, name, number, label: label ?? null, class: klass, kind, versionId, digest, pushedBy, files });
}

try {
  const init = ["init", ".", "--template", "demo", "--project", "golden", "--store", store, "--yes"];
  const who = ["--as", "steward", "--name", "Test steward"];
  cloister("steward", [...init, ...who, "--domain", DOMAIN, "--purpose", PURPOSE]);
  const policyFile = join(work, "steward/cloister.policy.yaml");
  const policy = readFileSync(policyFile, "utf8");
  writeFileSync(policyFile, policy.replace(/^expires: \S+/m, `expires: ${EXPIRES}`));
  cloister("steward", ["policy", "propose", "--yes"]);
  const joined = cloister("scientist", ["join", store, ".", "--as", "scientist", "--name", "Test scientist"]);
  cloister("steward", ["member", "add", joined.line, "--role", "data-scientist", "--yes"]);

  const data = join(work, "data");
  writeDataset(data);
  const push = ["--class", "internal", "--purpose", PURPOSE];
  const first = cloister("steward", ["push", data, "--name", `${DOMAIN}/customers:1.0`, ...push]);
  expected(first, data, ["clean.sh"]);

  // The second version: one file changed in its middle, one more, one gone. The rest is found again, not stored again.
  const large = noise(1_200_000, "large");
  write(data, "large.bin", Buffer.concat([large.subarray(0, 600_000), Buffer.from("inserted"), large.subarray(600_000)]));
  write(data, "more.csv", "id\n2\n");
  rmSync(join(data, "same-2.bin"));
  const second = cloister("steward", ["push", data, "--name", `${DOMAIN}/customers`, ...push]);
  expected(second, data, ["clean.sh"]);

  // A class that the scientist reads only inside a workspace.
  const secret = join(work, "secret");
  write(secret, "accounts.csv", "account,balance\n1,100\n");
  const confidential = ["--class", "confidential", "--purpose", PURPOSE, "--owner", "steward", "--licence", "CC0-1.0"];
  expected(cloister("steward", ["push", secret, "--name", `${DOMAIN}/accounts`, ...confidential]), secret);

  const input = ["--input", `${DOMAIN}/customers:1.0:/inputs/customers`, "--purpose", PURPOSE];
  cloister("scientist", ["workspace", "create", "train", ...input]);
  const script = 'mkdir -p /workspace/model && cat "/inputs/customers/nested/deep/er/rows.csv" > /workspace/model/weights.txt';
  cloister("scientist", ["run", "train", "--seed", "7", "--", "sh", "-c", script]);
  const model = ["--kind", "model", "--owner", "steward", "--licence", "Apache-2.0", "--purpose", PURPOSE];
  const pushed = cloister("scientist", ["push", "model", "--from", "train", "--name", `${DOMAIN}/risk:1.0`, ...model]);
  cloister("scientist", ["workspace", "destroy", "train", "--yes"]);
  const weights = join(work, "weights");
  write(weights, "weights.txt", "id,value\n1,2\n");
  expected(pushed, weights);

  cpSync(store, join(target, "store"), { recursive: true });
  for (const member of ["steward", "scientist"]) keepIdentity(member);
  const config = readFileSync(join(work, "steward/.cloister/config.yaml"), "utf8");
  const [, project] = /^project: "(\w+)"$/m.exec(config) ?? [];
  const [, pin] = /^pin: "(\w+)"$/m.exec(config) ?? [];
  const text = JSON.stringify({ project, pin, purpose: PURPOSE, policyExpires: EXPIRES, versions }, undefined, 2);
  writeFileSync(join(target, "expected.json"), `${text}\n`);
  writeFileSync(join(target, "README.md"), README);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** The identity as the command line keeps it, and its age half as the age tool takes it. */
function keepIdentity(member) {
  const folder = join(target, "TEST-KEYS-known-to-everybody", member);
  mkdirSync(folder, { recursive: true });
  const from = join(work, `home-${member}/.config/cloister`);
  for (const name of readdirSync(from)) {
    cpSync(join(from, name), join(folder, name));
    if (!name.endsWith(".secret")) continue;
    const { reading } = JSON.parse(readFileSync(join(from, name), "utf8"));
    const warning = "# TEST KEY of the golden store, known to everybody. Never encrypt anything to it.";
    writeFileSync(join(folder, "age.key"), `${warning}\n${reading}\n`);
  }
}
