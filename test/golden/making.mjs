// What the makers of golden stores share: members who use the built command line, and how what they made is kept.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Readers refuse a pull once the policy expired; a golden store must outlive that. */
export const EXPIRES = "2099-12-31";

const root = join(import.meta.dirname, "../..");

/** A manifest describes the machine that a push came from. This one shall describe nobody's. */
const NOBODYS_MACHINE = `data:text/javascript,${encodeURIComponent(`
  import os from "node:os";
  import { syncBuiltinESMExports } from "node:module";
  Object.assign(os, { release: () => "6.1.0", totalmem: () => 8 * 2 ** 30, cpus: () => [{ model: "CPU" }, { model: "CPU" }] });
  syncBuiltinESMExports();
`)}`;

/** A file with its folders. */
export function write(folder, path, bytes, mode = 0o644) {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, bytes);
  chmodSync(file, mode);
}

/** Bytes that do not compress and are the same at every run. */
export function noise(length, seed) {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) =>
    createHash("sha256").update(`${seed} ${String(i)}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, length);
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

/** A place to make one golden store in; `environment` says what members' processes know besides. */
export function workshop(version, environment = {}) {
  const target = join(import.meta.dirname, version);
  if (existsSync(target)) throw new Error(`${target} exists: a golden store is never made again`);
  const work = mkdtempSync(join(tmpdir(), "cloister-golden-"));
  const store = join(work, "store");
  const versions = [];

  /** Runs the command line as one member, each with a home of their own. */
  function cloister(member, args, cwd = join(work, member)) {
    mkdirSync(cwd, { recursive: true });
    const end = args.includes("--") ? args.indexOf("--") : args.length;
    const flags = ["--insecure-storage", "--json", "--quiet"];
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      ["--import", NOBODYS_MACHINE, join(root, "bin/cloister.js"), ...args.slice(0, end), ...flags, ...args.slice(end)],
      { cwd, encoding: "utf8", env: { PATH: process.env["PATH"], HOME: join(work, `home-${member}`), ...environment } },
    );
    if (status !== 0) throw new Error(`cloister ${args.join(" ")} ended with ${String(status)}\n${stdout}${stderr}`);
    return JSON.parse(stdout);
  }

  /** Gives the policy of a new project a last day that none of us will see. */
  function lastForEver(member) {
    const file = join(work, member, "cloister.policy.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace(/^expires: \S+/m, `expires: ${EXPIRES}`));
    cloister(member, ["policy", "propose", "--yes"]);
  }

  /** Notes a version as a reader must find it. */
  function expected(pushed, folder, executable = []) {
    const files = filesOf(folder).sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
    for (const file of files) if (executable.includes(file.path)) file.kind = "executable";
    const { domain, name, number, label, class: klass, kind, versionId, digest, pushedBy } = pushed;
    versions.push({ domain, name, number, label: label ?? null, class: klass, kind, versionId, digest, pushedBy, files });
  }

  /** Copies the store, the members' identities and what is expected to where it stays. */
  function keep(members, purpose, readme, more = {}) {
    cpSync(store, join(target, "store"), { recursive: true });
    for (const member of members) keepIdentity(member);
    const config = readFileSync(join(work, members[0], ".cloister/config.yaml"), "utf8");
    const [, project] = /^project: "(\w+)"$/m.exec(config) ?? [];
    const [, pin] = /^pin: "(\w+)"$/m.exec(config) ?? [];
    const text = JSON.stringify({ project, pin, purpose, policyExpires: EXPIRES, ...more, versions }, undefined, 2);
    writeFileSync(join(target, "expected.json"), `${text}\n`);
    writeFileSync(join(target, "README.md"), readme);
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

  return { work, store, cloister, lastForEver, expected, keep, end: () => rmSync(work, { recursive: true, force: true }) };
}
