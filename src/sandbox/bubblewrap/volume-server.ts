// What runs beside gocryptfs in its sandbox: gocryptfs knows no size limit, so a shell watches how much it has written.
import { systemFiles } from "./view.ts";

/** Where the ciphertext folder lies in the sandbox of gocryptfs. */
const CIPHER = "/cipher";
/** In memory, and no larger than the sandbox's root: whatever gocryptfs has to complain about. */
const LOG = "/log";
const ROOT_BYTES = 64 * 1024;

/**
 * `$1` size of the volume in bytes, `$2` descriptor that the volume's mount listens on; the key in hexadecimal on
 * standard input.
 *
 * A count of files is too slow to be made all the time. How much gocryptfs wrote since, and how much fuller the disk
 * became, are upper bounds of how much it can have grown; only where these reach the limit is gocryptfs stopped for as
 * long as counting takes. Where the volume is full, no file of it can grow (RLIMIT_FSIZE 0: writers get "File too
 * large"; without the blocked signal gocryptfs itself would end) until enough was deleted.
 *
 * It sleeps as long as a disk that takes 1 GB/s would need for the room that is left.
 */
const SERVE = `limit=$1
exec 3<&0
env --block-signal=XFSZ gocryptfs -fg -quiet -nosyslog -deterministic-names -masterkey=stdin \\
  ${CIPHER} "/dev/fd/$2" <&3 >${LOG} 2>&1 &
server=$!
exec 3<&- </dev/null
largest=$(ulimit -H -f)
[ "$largest" = unlimited ] || largest=$((largest * 512))
full=
known=0 written=0 free=0
look() {
  now=$(sed -n 's/^write_bytes: //p' /proc/$server/io) left=$(stat -f -c '%a*%S' ${CIPHER})
  now=$((now)) left=$(($left))
}
count() {
  kill -STOP $server
  known=$(du -s -x --block-size=1 ${CIPHER})
  known=\${known%%[!0-9]*}
  look
  written=$now free=$left
  if [ $known -ge $limit ]; then
    [ "$full" ] || prlimit --pid $server --fsize=0:
    full=1
  elif [ "$full" ]; then
    prlimit --pid $server --fsize=$largest:
    full=
  fi
  kill -CONT $server
}
count 2>/dev/null
while kill -0 $server; do
  look
  grown=$((now - written))
  [ $((free - left)) -le $grown ] || grown=$((free - left))
  room=$((limit - known - grown))
  if [ "$full" ] || [ $room -le 0 ]; then count; pause=1
  elif [ $room -ge 5000000000 ]; then pause=5
  elif [ $room -le 100000000 ]; then pause=0.1
  else pause=$((room / 1000000000)).$((room / 100000000 % 10))
  fi
  sleep $pause
done 2>/dev/null
cat ${LOG} >&2`;

/**
 * What gocryptfs gets to see, as bwrap's options: the system's programs and the ciphertext, no network, no other
 * process; and the command.
 *
 * @param cipher the ciphertext folder in the view of whoever starts it
 * @param fuseFd descriptor of the mount, left open across exec
 */
export function serverCommand(cipher: string, fuseFd: number, diskBytes: number): string[] {
  return [
    ...["--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"],
    // The owner of the files has the number that the mount itself knows it by.
    ...["--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--new-session", "--clearenv"],
    ...systemFiles(ROOT_BYTES),
    ...["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"],
    ...["--bind", cipher, CIPHER, "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev"],
    ...["--setenv", "PATH", "/usr/bin:/bin", "--setenv", "LC_ALL", "C", "--chdir", "/"],
    ...["--", "sh", "-c", SERVE, "volume", String(diskBytes), String(fuseFd)],
  ];
}
