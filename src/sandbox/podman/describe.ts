// What the podman driver promises and what it does not, as people read it in `cloister ws show`.

export const ENFORCED: readonly string[] = [
  "no network: loopback only, no host sockets, no cloud metadata",
  "host files: none; system files are those of the image, read-only",
  "inputs are read-only",
  "user ids of the host that nobody else has; no capabilities, no setuid; a filter refuses about 60 system calls",
  "own processes, users, IPC and host name: other processes are not visible and cannot be signalled",
  "files stay in memory in a volume of the size given by --disk",
  "no core dumps, and no file larger than the volume",
  "everything ends with the time to live, and each command with the one that started it, within two seconds",
  "only regular files leave, read without following links",
];

export const NOT_ENFORCED: readonly string[] = [
  "the volume may be swapped to disk where the machine has swap",
  "bugs in the Linux kernel, and in the programs of podman that set a container up",
  "root, and other processes of the same user, can look into a workspace",
  "the volume is freed by podman's own processes: one that is killed with the workspace leaves it to the next command",
  "the image, the kernel's version and the machine's hardware are visible",
];
