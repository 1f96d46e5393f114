// Whether encrypted volumes work where the tests run, and how an ordinary user gets at /dev/fuse where only root may open it.
import { statSync } from "node:fs";
import { Bubblewrap } from "../../src/sandbox/bubblewrap/bubblewrap.ts";
import { IS_ROOT, REASON, WORKS } from "./here.ts";

const problem = new Bubblewrap({ now: Date.now }).encryptedProblem();

export const ENCRYPTED_WORKS = WORKS && problem === undefined;
/** For titles: why they do not work here, or nothing. */
export const ENCRYPTED_REASON = problem && WORKS ? ` (skipped: ${problem.why})` : REASON;

/** Shows a device that everybody may open, as systems with udev have it, in a mount namespace of the command's own. */
const OPEN_DEVICE = `set -e
mount -t tmpfs none /mnt
mknod -m 0666 /mnt/fuse c 10 229
mount --bind /mnt/fuse /dev/fuse
umount -l /mnt
exec "$@"`;

/** Words before the command of an ordinary user, while it is still root's. */
export const WITH_FUSE: readonly string[] =
  IS_ROOT && (statSync("/dev/fuse", { throwIfNoEntry: false })?.mode ?? 0o006) % 8 !== 6
    ? ["unshare", "--mount", "--", "sh", "-c", OPEN_DEVICE, "device"]
    : [];
