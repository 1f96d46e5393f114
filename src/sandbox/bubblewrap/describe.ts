// What the bubblewrap driver promises and what it does not, as people read it in `cloister ws show`. Limits are shown
// beside it, as each host holds others.
import type { VolumeKind } from "../sandbox.ts";
import { volumeWords } from "../volume/words.ts";

const ENFORCED: readonly string[] = [
  "no network, but for hosts that --network names, through a proxy outside; no host sockets, no cloud metadata",
  "host files: only /usr, a few files of /etc and what --mount-ro names, read-only; nothing else of your home folder",
  "inputs are read-only",
  "no capabilities, no new user namespaces, no setuid; a filter refuses about 60 system calls",
  "own processes, users, IPC and host name: other processes are not visible and cannot be signalled",
  "no core dumps; where the machine has no memory left, what runs in workspaces is ended first",
  "everything ends with the time to live, and each command with the one that started it",
  "only regular files leave, read without following links",
];

const NOT_ENFORCED: readonly string[] = [
  "bugs in the Linux kernel",
  "root, and other processes of the same user, can look into a workspace",
  "which software is in /usr, the kernel's version and the machine's hardware are visible",
  "after sleep of the machine, a workspace past its time goes on for up to 30 seconds; no command enters it",
];

export function describeBubblewrap(volume: VolumeKind | undefined) {
  const { enforced, notEnforced } = volumeWords(volume);
  return {
    driver: "bubblewrap",
    enforced: [...ENFORCED, enforced],
    notEnforced: [...notEnforced, ...NOT_ENFORCED],
  };
}
