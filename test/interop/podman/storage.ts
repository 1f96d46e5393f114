// A podman of the tests' own: its images and containers lie in a folder that goes with it, beside nobody else's. The
// image is made of this machine's programs, so that no registry is needed.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { Clocks } from "../../../src/sandbox/expiry.ts";
import { Podman } from "../../../src/sandbox/podman/podman.ts";
import { hostProblem } from "../../../src/sandbox/podman/problem.ts";
import type { Subject } from "../../sandbox/contract/subject.ts";

/** What the scripts of the driver and of the tests run; of the first, a workspace's image has to have all. */
const PROGRAMS = [
  ...[
    "sh",
    "cat",
    "chmod",
    "dirname",
    "find",
    "grep",
    "head",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "sha256sum",
    "sleep",
    "sort",
  ],
  ...["tar", "timeout", "xargs"],
  ...[
    "df",
    "env",
    "ln",
    "ls",
    "mkfifo",
    "od",
    "perl",
    "printf",
    "seq",
    "stat",
    "stty",
    "tail",
    "touch",
    "truncate",
    "yes",
  ],
  ...["bash", "tty", "true"],
];

/** Perl's files for sockets, one on a line. */
const SOCKETS = 'print join "\\n", values %INC, @DynaLoader::dl_shared_objects';

export interface Storage {
  /** The environment that leads to it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What of it makes the difference. */
  readonly place: Readonly<Record<string, string>>;
  /** The image, by digest. */
  readonly image: string;
  podman(...args: readonly string[]): string;
  remove(): void;
}

/** @throws where podman is not there, or cannot keep an image */
function makeStorage(): Storage {
  const folder = mkdtempSync(join(tmpdir(), "cloister-podman-"));
  chmodSync(folder, 0o755);
  const at = (name: string) => join(folder, name);
  for (const name of ["graph", "run"]) mkdirSync(at(name), { mode: 0o700 });
  // What podman itself allows of its path is short, see src/sandbox/podman/problem.ts.
  const runtime = mkdtempSync("/tmp/cloister-run-");
  const roots = `graphroot = "${at("graph")}"\nrootless_storage_path = "${at("graph")}"\nrunroot = "${at("run")}"\n`;
  writeFileSync(at("storage.conf"), `[storage]\ndriver = "overlay"\n${roots}`);
  const place = { XDG_RUNTIME_DIR: runtime, CONTAINERS_STORAGE_CONF: at("storage.conf") };
  const env = { ...process.env, ...place };
  const podman = (...args: readonly string[]) => execFileSync("podman", args, { env, encoding: "utf8", stdio: "pipe" });
  const remove = () => {
    podman("rm", "--all", "--force", "--depend", "--time", "0");
    podman("volume", "rm", "--all", "--force");
    // Files of other users are root's to remove, in podman's user namespace; the one that keeps it ends last.
    if (process.getuid?.() !== 0) {
      podman("unshare", "sh", "-c", 'umount "$1/overlay"; rm -rf "$1"', "remove", at("graph"));
      endKeeper(join(runtime, "libpod/tmp/pause.pid"));
    } else spawnSync("umount", [at("graph/overlay")]);
    for (const each of [folder, runtime]) rmSync(each, { recursive: true, force: true });
  };
  try {
    const archive = at("image.tar");
    execFileSync("tar", ["-C", rootFolder(at("root")), "-cf", archive, "."]);
    podman("import", "--quiet", archive, "localhost/cloister-test:1");
    const digest = podman("image", "inspect", "--format", "{{.Digest}}", "localhost/cloister-test:1").trim();
    return { env, place, image: `localhost/cloister-test@${digest}`, podman, remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** A root file system with a few of this machine's programs and what they are linked with. */
function rootFolder(root: string): string {
  for (const name of ["etc", "tmp", "run", "var/tmp", "home", "proc", "sys", "dev"]) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    mkdirSync(join(root, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of PROGRAMS) {
    const path = realpathSync(pathOf(name));
    cpSync(path, join(root, "usr/bin", name));
    const { stdout } = spawnSync("ldd", [path], { encoding: "utf8" });
    for (const [library] of stdout.matchAll(/\/[^ )\n]+/g)) copyInto(root, library);
  }
  const { stdout } = spawnSync(pathOf("perl"), ["-MSocket", "-e", SOCKETS], { encoding: "utf8" });
  for (const module of stdout.split("\n")) copyInto(root, module);
  // Else names are looked up in the network first, which there is none of.
  writeFileSync(join(root, "etc/nsswitch.conf"), "hosts: files\n");
  return root;
}

/** A file of this machine to the same place. */
function copyInto(root: string, path: string): void {
  const folder = join(root, realpathSync(dirname(path)).replace(/^\/lib/, "/usr/lib"));
  mkdirSync(folder, { recursive: true });
  cpSync(realpathSync(path), join(folder, basename(path)));
}

function pathOf(program: string): string {
  const folder = ["/usr/bin", "/bin", "/usr/sbin"].find((each) => existsSync(join(each, program)));
  if (folder === undefined) throw new Error(`no ${program} on this machine`);
  return join(folder, program);
}

/** Ends the process that keeps podman's user namespace, once it is certain that it is this one. */
function endKeeper(file: string): void {
  const pid = readFileSync(file, "utf8").trim();
  if (readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("catatonit")) process.kill(Number(pid), "SIGKILL");
}

/** Podman as the contract takes it. */
export async function podmanSubject(): Promise<{
  readonly subject: Subject;
  /** What leads a program to the storage. */
  readonly env: Readonly<Record<string, string>>;
  remove(): void;
}> {
  const setUpMs = [1, 20, 60, 120, 200, 300, 400];
  const made = tryStorage();
  if (typeof made === "string") {
    const make = () => new Podman({ now: Date.now, env: {} });
    return { subject: { driver: "podman", works: false, why: made, setUpMs, make }, env: {}, remove: () => {} };
  }
  const { env, place, image, remove } = made;
  // Processes of their own that the contract starts find it in their environment.
  Object.assign(process.env, place);
  const make = (clocks: Clocks = { now: Date.now }) => new Podman({ ...clocks, env, image });
  const problem = await make().problem();
  return {
    subject: { driver: "podman", image, works: !problem, why: problem?.why ?? "", setUpMs, make },
    env: place,
    remove,
  };
}

/** Storage, or why there can be none. */
function tryStorage(): Storage | string {
  const missing = hostProblem({});
  if (missing) return missing.why;
  try {
    return makeStorage();
  } catch (error) {
    return String(error instanceof Error ? error.message : error).slice(0, 300);
  }
}
