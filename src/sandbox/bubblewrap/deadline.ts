// When a workspace is over: a number of seconds since the machine was started, in a file that no command of the workspace
// can see. That clock (CLOCK_BOOTTIME, proc_uptime(5)) counts suspended time, and nobody sets it back.
import { execFile } from "node:child_process";
import { CloisterError } from "../../base/errors.ts";
import { printable } from "../../base/terminal.ts";
import { OUTER_ENVIRONMENT } from "../host/programs.ts";
import { dropArguments } from "../host/user.ts";
import type { HolderState } from "../sandbox.ts";
import { HOLDER_FOLDER, type Runtime } from "./runtime.ts";

export const DEADLINE = `${HOLDER_FOLDER}/deadline`;
/** Written whole first, and then put in its place in one step. */
const NEXT = `${DEADLINE}.new`;
/** Timers stand still while the machine is suspended: a workspace is over at most this long after it woke. */
const LOOK_SECONDS = 30;
const WRITE_MS = 10_000;

/**
 * What the holder does (sh(1); $1 is sleep): it goes on only once it is told to, so that it ends with whoever started it
 * before; then it waits for the deadline, as that stands in the file. One that cannot be read is over.
 */
export const WAIT = `read -r word && [ "$word" = keep ] || exit
exec </dev/null
while read -r end <${DEADLINE} && read -r up idle </proc/uptime && [ "\${up%.*}" -lt "$end" ]; do
  left=$((end - \${up%.*}))
  [ "$left" -le ${String(LOOK_SECONDS)} ] || left=${String(LOOK_SECONDS)}
  "$1" "$left"
done`;

/**
 * A script that writes a deadline some seconds from now. It runs in the holder's view, whose clock the holder goes by: a
 * container may be shown another. A second begun counts whole, so that it never ends before whoever asks is told so.
 *
 * @param seconds a number, or a parameter of the script
 */
export function writeDeadline(seconds: string, file: string): string {
  return `read -r up idle </proc/uptime && echo "$((\${up%.*} + ${seconds} + 1))" >${file}`;
}

/** Moves the deadline of a holder that runs. @throws {@link CloisterError} FAILURE where that cannot be done */
export async function moveDeadline({ programs, uid }: Runtime, state: HolderState, ttlMs: number): Promise<void> {
  const [program, ...drop] = [programs.setpriv, ...dropArguments(uid, state.uid), "--"];
  const enter = [programs.nsenter, `--target=${String(state.pid)}`, "--preserve-credentials", "--user", "--mount"];
  const seconds = String(Math.ceil(ttlMs / 1000));
  const script = [programs.sh, "-c", `${writeDeadline("$1", NEXT)} && mv -f ${NEXT} ${DEADLINE}`, "extend", seconds];
  await new Promise<void>((resolve, reject) => {
    const options = { cwd: "/", env: OUTER_ENVIRONMENT, timeout: WRITE_MS, killSignal: "SIGKILL" } as const;
    execFile(program ?? "", [...drop, ...enter, "--", ...script], options, (cause, _out, message) => {
      if (!cause) return resolve();
      const why = printable(message.trim().slice(0, 300)) || "its namespaces could not be entered";
      reject(
        new CloisterError("FAILURE", "the workspace's end could not be moved", {
          why,
          next: "cloister ws list",
          cause,
        }),
      );
    });
  });
}
