// A terminal for a command on a terminal. The person's own never enters the sandbox: script(1) makes another one outside,
// under the workspace's user, and passes keys, text and sizes on. So what runs inside can leave settings broken or open
// /dev/stderr by name, and it is only its own terminal that it does it to.
import { spawnSync } from "node:child_process";
import { findProgram, unsupported } from "./programs.ts";

/** Settings are read and set within this time; a terminal that does not answer must not hold up the end. */
const SETTINGS_MS = 5000;
/** As stty(1) prints them with `-g`. */
const SETTINGS = /^[0-9a-f:]+$/;

/**
 * Arguments that run a command on a terminal of its own and end with its exit code. Made under the user who runs them,
 * so that the command may open the terminal again.
 *
 * @throws {@link CloisterError} UNSUPPORTED_HOST without script(1)
 */
export function onTerminal(command: readonly string[]): readonly string[] {
  // script(1) hands a line to sh(1); before 2.40 it takes no words.
  return [
    required("script"),
    "--quiet",
    "--return",
    "--flush",
    "--command",
    `exec ${command.map(quoted).join(" ")}`,
    "/dev/null",
  ];
}

/** Reads the terminal's settings. The function returned puts them back, however they were left. */
export function keepSettings(): () => void {
  const stty = required("stty");
  const run = (args: readonly string[]) =>
    // Set from the background, a terminal stops who does it (SIGTTOU); by then it is somebody else's.
    spawnSync(stty, args, {
      stdio: ["inherit", "pipe", "ignore"],
      encoding: "utf8",
      timeout: SETTINGS_MS,
      killSignal: "SIGKILL",
    });
  const settings = run(["-g"]).stdout?.trim() ?? "";
  return () => {
    if (SETTINGS.test(settings)) run([settings]);
  };
}

function required(name: "script" | "stty"): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw unsupported({
    why: `a command on a terminal needs ${name}, which is not installed`,
    next: "apt install bsdutils coreutils (Debian, Ubuntu), dnf install util-linux-script coreutils (Fedora)",
  });
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
