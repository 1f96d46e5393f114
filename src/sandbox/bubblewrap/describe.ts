// What the bubblewrap driver promises and what it does not, as people read it in `cloister ws show`. Limits are shown
// beside it, as each host holds others.

export const ENFORCED: readonly string[] = [
  "no network but the hosts named by --network, through a proxy outside; no host sockets, no cloud metadata",
  "host files: only /usr and a few files of /etc, read-only; nothing of your home folder",
  "inputs are read-only",
  "no capabilities, no new user namespaces, no setuid; a filter refuses about 60 system calls",
  "own processes, users, IPC and host name: other processes are not visible and cannot be signalled",
  "files stay in memory in a volume of the size given by --disk",
  "no core dumps; where the machine has no memory left, what runs in workspaces is ended first",
  "everything ends with the time to live, and each command with the one that started it",
  "only regular files leave, read without following links",
];

export const NOT_ENFORCED: readonly string[] = [
  "where memory has no limit that is held, the volume may be swapped to disk",
  "bugs in the Linux kernel",
  "root, and other processes of the same user, can look into a workspace",
  "which software is in /usr, the kernel's version and the machine's hardware are visible",
  "while the machine sleeps the time to live stands still; it is checked by the clock at the next command",
];
