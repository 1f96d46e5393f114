// What processes in a sandbox see of a file system, as bwrap's options. bwrap(1) works through them in order.
import { lstatSync, readlinkSync } from "node:fs";
import { type ExecSpec, SECRETS, type ShownFolder } from "../exec-spec.ts";
import { type FolderScript, placesOf } from "../files/folder-task.ts";
import { deviceArguments, lookedUpArguments } from "./gpu-view.ts";
import { FEED_FD } from "./launch.ts";
import { mountArguments } from "./mounts.ts";
import { VOLUME } from "./runtime.ts";

/** Where host executables given as tools appear. */
export const TOOLS = "/run/cloister/bin";
/** prlimit under our name, so that a command that is not there is reported as `cloister: failed to execute …`. */
export const STARTER = "/run/cloister/start/cloister";

/** Memory for folders and small files of the sandbox's own root. */
const ROOT_BYTES = 16 * 1024 * 1024;

const NAMESPACES = [
  ...["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"],
  ...["--disable-userns", "--assert-userns-disabled"],
  ...["--uid", "1000", "--gid", "1000", "--hostname", "workspace"],
  ...["--cap-drop", "ALL", "--die-with-parent", "--clearenv"],
];

/** A loopback of its own, and nothing else. */
const OWN_NETWORK = "--unshare-net";

/** Configuration that programs in /usr look for. Nothing about this host's people or network. */
const ETC = [
  "alternatives",
  "bash.bashrc",
  "ca-certificates",
  "fonts",
  "inputrc",
  "ld.so.cache",
  "ld.so.conf",
  "ld.so.conf.d",
  "localtime",
  "mime.types",
  "pki/ca-trust/extracted",
  "pki/tls/certs",
  "python3",
  "ssl/certs",
  "ssl/openssl.cnf",
  "terminfo",
];

const HOSTS = "/etc/hosts";

/** Files made up for the sandbox; their texts are fed to bwrap in this order. */
const MADE_UP: readonly (readonly [path: string, text: string])[] = [
  [
    "/etc/passwd",
    "user:x:1000:1000:user:/home/user:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  ],
  ["/etc/group", "user:x:1000:\nnogroup:x:65534:\n"],
  [HOSTS, "127.0.0.1 localhost workspace\n::1 localhost\n"],
  ["/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"],
];

/** Kernel interfaces in /proc that tell about the host or the keyring. */
const MASKED = [
  "kallsyms",
  "kcore",
  "key-users",
  "keys",
  "kmsg",
  "latency_stats",
  "sched_debug",
  "sysrq-trigger",
  "timer_list",
];

export interface CommandView {
  readonly tty: boolean;
  /** Whether it stays in the holder's network namespace, which has a loopback and nothing else, too. */
  readonly sharesLoopback: boolean;
  readonly env: Readonly<Record<string, string>>;
  readonly inputs: readonly { readonly source: string; readonly path: string }[];
  /** Paths of files for this command alone; their bytes are fed after {@link commandFeeds}, in this order. */
  readonly files: readonly string[];
  /** Folders of the host; their descriptors come after the feeds. */
  readonly mounts: readonly ShownFolder[];
  /** Device nodes, as the command sees them, and the folder that is the host's `/dev`. */
  readonly devices: readonly string[];
  readonly deviceFolder: string;
  /** Host executables, and the name each gets in {@link TOOLS}. */
  readonly tools: readonly { readonly path: string; readonly name: string }[];
  /** Path of prlimit(1). */
  readonly prlimit: string;
}

/** Texts to feed where {@link commandView} is used. @param hosts names beyond its own */
export function commandFeeds(hosts: NonNullable<ExecSpec["hosts"]>): readonly string[] {
  const lines = hosts.map(({ address, name }) => `${address} ${name}\n`).join("");
  return MADE_UP.map(([path, text]) => (path === HOSTS ? text + lines : text));
}

/** What a command gets: system files, its inputs and the workspace's folders. */
export function commandView(view: CommandView): string[] {
  return [
    ...NAMESPACES,
    ...(view.sharesLoopback ? [] : [OWN_NETWORK]),
    // Without a session of its own a command could type into our terminal; on one it needs ours for job control, and
    // the system call filter refuses typing.
    ...(view.tty ? [] : ["--new-session"]),
    ...systemFiles(),
    ...ETC.flatMap((name) => ["--ro-bind-try", `/etc/${name}`, `/etc/${name}`]),
    ...MADE_UP.flatMap(([path], index) => fedFile(index, "0444", path)),
    ...kernelFiles(deviceArguments(view.devices, view.deviceFolder)),
    ...lookedUpArguments(view.devices),
    ...volumeFolder("tmp", "/tmp"),
    ...volumeFolder("vartmp", "/var/tmp"),
    ...volumeFolder("home", "/home/user"),
    ...volumeFolder("run", "/run/user"),
    ...volumeFolder("work", "/workspace"),
    // A command that shut the folder must not have shut it for good.
    ...["--chmod", "0700", "/workspace"],
    // Nothing is mounted below what the sandbox can write: a planted link there would be followed.
    ...view.inputs.flatMap(({ source, path }) => ["--ro-bind", `${VOLUME}/inputs/${source}`, path]),
    ...mountArguments(view.mounts, FEED_FD + MADE_UP.length + view.files.length),
    ...(view.files.length > 0 ? ["--perms", "0700", "--dir", SECRETS] : []),
    ...view.files.flatMap((path, index) => fedFile(MADE_UP.length + index, "0400", path)),
    ...["--ro-bind", view.prlimit, STARTER, "--dir", TOOLS],
    ...view.tools.flatMap(({ path, name }) => ["--ro-bind", path, `${TOOLS}/${name}`]),
    ...["--remount-ro", "/"],
    ...Object.entries(view.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", "/workspace"],
  ];
}

/** What our own tar and find get: system files and one folder of the volume, so that no link leads anywhere. */
export function folderView(folder: FolderScript["folder"], access: FolderScript["access"]): string[] {
  const [bind, open] = access === "read" ? ["--ro-bind", []] : ["--bind", ["--chmod", "0700", "/folder"]];
  return [
    ...[...NAMESPACES, OWN_NETWORK],
    "--new-session",
    ...systemFiles(),
    ...["--size", String(LIST_BYTES_MAX), "--tmpfs", "/tmp"],
    ...placesOf(folder).flatMap(([name, path]) => [bind, `${VOLUME}/${name}`, path]),
    ...open,
    ...["--remount-ro", "/"],
    ...["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C"],
    ...["--chdir", "/"],
  ];
}

/** Room for the list of all names in a folder. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;

/** An empty root with the host's /usr, and /bin, /lib, … as they are here. */
export function systemFiles(rootBytes = ROOT_BYTES): string[] {
  const args = ["--size", String(rootBytes), "--tmpfs", "/", "--ro-bind", "/usr", "/usr"];
  for (const name of ["bin", "lib", "lib32", "lib64", "libx32", "sbin"]) {
    const stat = lstatSync(`/${name}`, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) args.push("--symlink", readlinkSync(`/${name}`), `/${name}`);
    else if (stat) args.push("--ro-bind", `/${name}`, `/${name}`);
  }
  return args;
}

/** @param devices options that add to `/dev` */
function kernelFiles(devices: readonly string[]): string[] {
  const masked = MASKED.map((name) => `/proc/${name}`).filter((path) => lstatSync(path, { throwIfNoEntry: false }));
  return [
    ...["--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"],
    ...masked.flatMap((path) => ["--ro-bind", "/dev/null", path]),
    ...["--dev", "/dev", ...devices, ...volumeFolder("shm", "/dev/shm"), "--remount-ro", "/dev"],
  ];
}

/**
 * A file on the sandbox's own root, which is memory, read-only in the end, and goes with the command; not on the volume, which
 * stays. A mount for each would take bwrap longer.
 */
function fedFile(index: number, mode: string, path: string): string[] {
  return ["--perms", mode, "--file", String(FEED_FD + index), path];
}

function volumeFolder(folder: string, path: string): string[] {
  return ["--bind", `${VOLUME}/${folder}`, path];
}
