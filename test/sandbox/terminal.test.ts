// A command on a terminal, started by root and by an ordinary user: script(1) makes a terminal around each.
import { execFileSync, spawnSync } from "node:child_process";
import { chownSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "./compiled.ts";
import { IS_ROOT, REASON, WORKS } from "./here.ts";

/** An ordinary user for the tests that root runs; nothing of the system has this uid. */
const USER = 61_000;

describe.skipIf(!WORKS)(`a command on a terminal${REASON}`, () => {
  let built: { readonly folder: string; readonly program: string };

  beforeAll(() => {
    built = compile("test/interop/escape/main.ts");
  });

  afterAll(() => {
    rmSync(built.folder, { recursive: true, force: true });
  });

  describe.each(IS_ROOT ? ["root", "an ordinary user"] : ["an ordinary user"])("of %s", (who) => {
    const drop =
      IS_ROOT && who !== "root"
        ? ["setpriv", `--reuid=${String(USER)}`, `--regid=${String(USER)}`, "--clear-groups"]
        : [];
    let state = "";

    beforeAll(() => {
      const home = join(built.folder, who.replaceAll(" ", "-"));
      mkdirSync(home);
      if (drop.length > 0) chownSync(home, USER, USER);
      const [file = "", ...args] = [...drop, process.execPath, built.program, "create", "60000"];
      state = execFileSync(file, args, { encoding: "utf8", cwd: "/" });
    });

    afterAll(() => {
      process.kill((JSON.parse(state) as { readonly pid: number }).pid, "SIGKILL");
    });

    /** Runs a script inside, on a terminal; `after` runs on the terminal outside when it has ended. */
    function onTerminal(script: string, after = "true"): { readonly out: string; readonly exit: number | null } {
      const command = [process.execPath, built.program, "tty", state, script].map(quoted).join(" ");
      const outside = `stty cols 91 rows 33; ${command}; code=$?; ${after}; exit $code`;
      const [file = "", ...args] = [...drop, "script", "-qec", outside, "/dev/null"];
      const { stdout, status } = spawnSync(file, args, { encoding: "utf8", input: "", timeout: 20_000, cwd: "/" });
      // The end of the outer terminal's input, which is no terminal, is echoed as ^@.
      return { out: stdout.replaceAll("\r\n", "\n").replaceAll("^@", ""), exit: status };
    }

    test("can open its streams by name", () => {
      const script =
        "echo one >/dev/stderr; echo two >/dev/stdout; echo three | tee /dev/stderr >/dev/null; echo four >/proc/self/fd/2";
      expect(onTerminal(`${script}; exit 7`)).toEqual({ out: "one\ntwo\nthree\nfour\n", exit: 7 });
    });

    test("is on one of the same size, which controls it", () => {
      expect(onTerminal("stty size; : </dev/tty && echo controlled").out).toBe("33 91\ncontrolled\n");
    });

    test("is never on the person's own", () => {
      const inside = "stat -L -c %d:%i /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2";
      const { out } = onTerminal(inside, "stat -L -c outside=%d:%i /dev/stdin");
      const [first = "", second, third, outside] = out.trim().split("\n");
      expect(outside).toMatch(/^outside=\d+:\d+$/);
      expect([first, second, third]).toEqual([first, first, first]);
      expect(outside).not.toBe(`outside=${first}`);
    });

    test.each(["stty raw -echo; exit 3", "stty raw -echo; kill -9 $$"])("leaves its settings alone: %s", (script) => {
      const settings = "stty -a | tr ' ;' '\\n\\n' | grep -xE -e '-?(icanon|echo|isig|opost)' | sort | tr '\\n' ' '";
      expect(onTerminal(script, settings).out).toBe("echo icanon isig opost ");
    });
  });
});

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
