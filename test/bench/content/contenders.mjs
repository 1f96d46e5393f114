// Cloister and the programs beside it, each with the same five things to do. Every one of them encrypts what it stores.
//
// What is made durable before they say that they are done: cloister, restic and borg fsync what they store (restic and borg
// not what they restore); rclone and age never do. In memory (tmpfs) fsync costs nobody anything.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { has } from "../common.mjs";

const program = fileURLToPath(new URL("../../../bin/cloister.js", import.meta.url));
const PASSWORD = "for-the-bench-only";
const hasShaNi = existsSync("/proc/cpuinfo") && /\bsha_ni\b/.test(readFileSync("/proc/cpuinfo", "utf8"));

function must(argv, cwd, env) {
  const { status, stdout, stderr } = spawnSync(argv[0], argv.slice(1), { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${String(status)}: ${stderr.toString()}`);
  return stdout.toString().trim();
}

/**
 * A contender has, for a place `at` of its own:
 * - `prepare(at)`  makes an empty repository, not timed
 * - `push(at, source)`, `pull(at, source, to)`  the command that does it: `{argv, cwd, env}`; `to` does not exist yet
 * - `again(at, source)`  pushes what may not have changed; absent where the program always starts anew
 * - `rehash(at, source)`  the same, but reads every byte; absent where the program cannot
 * - `lands(to, source)`  where the pulled file or folder lies
 */
function cloister() {
  const env = ({ home }) => ({ PATH: process.env.PATH, HOME: home, NO_COLOR: "1" });
  const run = (at, ...args) => ({ argv: [process.execPath, program, ...args], cwd: at.project, env: env(at) });
  const push = (at, source) => run(at, "push", source, "--name", "bench", "--class", "internal");
  return {
    name: "cloister",
    prepare(at) {
      Object.assign(at, { home: join(at.folder, "home"), project: join(at.folder, "project") });
      mkdirSync(at.home, { recursive: true });
      const init = ["init", at.project, "--store", at.store, "--yes", "--insecure-storage"];
      must([process.execPath, program, ...init], at.folder, env(at));
    },
    push,
    again: push,
    // Bytes are read again because the files' times changed.
    rehash: push,
    pull: (at, _, to) => run(at, "pull", "bench", "-o", to),
    lands: (to, source, isFile) => (isFile ? join(to, basename(source)) : to),
  };
}

function restic() {
  const env = ({ folder }) => ({
    ...{ PATH: process.env.PATH, HOME: folder, RESTIC_PASSWORD: PASSWORD, RESTIC_CACHE_DIR: join(folder, "cache") },
  });
  const run = (at, ...args) => ({ argv: ["restic", "-q", "-r", at.store, ...args], cwd: at.folder, env: env(at) });
  return {
    name: "restic",
    prepare: (at) => must(run(at, "init").argv, at.folder, env(at)),
    push: (at, source) => run(at, "backup", source),
    again: (at, source) => run(at, "backup", source),
    rehash: (at, source) => run(at, "backup", "--force", source),
    pull: (at, _, to) => run(at, "restore", "latest", "--target", to),
    lands: (to, source) => join(to, source),
  };
}

function borg() {
  const env = ({ folder }) => ({
    PATH: process.env.PATH,
    HOME: folder,
    BORG_PASSPHRASE: PASSWORD,
    BORG_BASE_DIR: folder,
  });
  const run = (at, cwd, ...args) => ({ argv: ["borg", ...args], cwd, env: env(at) });
  let archives = 0;
  const create = (at, source, ...flags) =>
    run(at, at.folder, "create", ...flags, `${at.store}::a${String(archives++)}`, source);
  return {
    name: "borg",
    prepare: (at) => {
      at.first = `a${String(archives)}`;
      // BLAKE2 is what its manual advises where the processor has no instructions for SHA-256.
      must(["borg", "init", "-e", hasShaNi ? "repokey" : "repokey-blake2", at.store], at.folder, env(at));
    },
    push: (at, source) => create(at, source),
    again: (at, source) => create(at, source),
    rehash: (at, source) => create(at, source, "--files-cache=disabled"),
    pull: (at, _, to) => {
      mkdirSync(to);
      return run(at, to, "extract", `${at.store}::${at.first}`);
    },
    lands: (to, source) => join(to, source),
  };
}

function rclone() {
  const env = ({ folder, store }) => ({
    ...{ PATH: process.env.PATH, HOME: folder, RCLONE_CONFIG_BENCH_TYPE: "crypt", RCLONE_CONFIG_BENCH_REMOTE: store },
    RCLONE_CONFIG_BENCH_PASSWORD: must(["rclone", "obscure", PASSWORD], folder, process.env),
  });
  const run = (at, ...args) => ({ argv: ["rclone", "copy", ...args], cwd: at.folder, env: env(at) });
  return {
    name: "rclone crypt",
    prepare: (at) => mkdirSync(at.store),
    push: (at, source) => run(at, source, "bench:"),
    again: (at, source) => run(at, source, "bench:"),
    pull: (at, _, to) => run(at, "bench:", to),
    lands: (to, source, isFile) => (isFile ? join(to, basename(source)) : to),
  };
}

/** A folder goes through tar: age knows one stream. */
function age() {
  const sh = (at, script, ...args) => ({ argv: ["sh", "-c", script, "sh", ...args], cwd: at.folder, env: process.env });
  return {
    name: "age",
    prepare: (at) => {
      at.key = join(at.folder, "key");
      mkdirSync(at.store);
      writeFileSync(at.key, must(["age-keygen"], at.folder, process.env), { mode: 0o600 });
      at.recipient = must(["age-keygen", "-y", at.key], at.folder, process.env);
    },
    push: (at, source, isFile) => {
      const [to, recipient] = [join(at.store, "a.age"), at.recipient];
      if (isFile) return { argv: ["age", "-r", recipient, "-o", to, source], cwd: at.folder, env: process.env };
      return sh(at, 'tar -cf - -C "$1" . | age -r "$2" -o "$3"', source, recipient, to);
    },
    pull: (at, source, to, isFile) => {
      mkdirSync(to);
      const from = join(at.store, "a.age");
      if (!isFile) return sh(at, 'age -d -i "$1" "$2" | tar -xf - -C "$3"', at.key, from, to);
      return {
        argv: ["age", "-d", "-i", at.key, "-o", join(to, basename(source)), from],
        cwd: at.folder,
        env: process.env,
      };
    },
    lands: (to, source, isFile) => (isFile ? join(to, basename(source)) : to),
  };
}

const PEERS = { restic, borg, rclone, age };

/** Cloister first, then the wanted peers that this machine has. Says which are missing. */
export function contenders(wanted, say) {
  const unknown = wanted.filter((name) => !Object.hasOwn(PEERS, name));
  if (unknown.length > 0)
    throw new Error(`no such peer: ${unknown.join(", ")} (there are ${Object.keys(PEERS).join(", ")})`);
  const missing = wanted.filter((name) => !has(name));
  for (const name of missing) say(`skipped: no ${name} (apt-get install ${name === "borg" ? "borgbackup" : name})`);
  return [cloister(), ...wanted.filter((name) => !missing.includes(name)).map((name) => PEERS[name]())];
}

export const peerNames = Object.keys(PEERS);

/** A fresh place for one contender's repository: `folder` for what it needs besides, `store` for the repository. */
export function placeFor(contender, folder, stores, number) {
  const name = `${contender.name.replace(/\W/g, "-")}-${String(number)}`;
  const at = { folder: join(folder, name), store: join(stores, name, "store") };
  for (const made of [at.folder, join(stores, name)]) mkdirSync(made, { recursive: true });
  at.remove = () => {
    for (const made of [at.folder, join(stores, name)]) rmSync(made, { recursive: true, force: true });
  };
  contender.prepare(at);
  return at;
}
