// Runs test files once more, as an ordinary user with subordinate ids: in a view of the file system in which the machine
// has such a user. Nothing of the machine is changed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Nothing of the system has this uid, and no other test. */
const UID = 61_500;
const FIRST_SUBORDINATE = 1_000_000_000;
const ROOT = join(import.meta.dirname, "../../..");

/** $1 is the folder; the rest is what to run. */
const ENTER = `mount --bind "$1/passwd" /etc/passwd && mount --bind "$1/ids" /etc/subuid && mount --bind "$1/ids" /etc/subgid || exit
cd "$2" || exit
shift 2
exec setpriv --reuid=${String(UID)} --regid=${String(UID)} --clear-groups -- "$@"`;

interface Report {
  readonly testResults: readonly {
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export interface Outcome {
  readonly passed: readonly string[];
  /** Name and reason of each. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/** @param files paths relative to the project */
export async function testAsUser(files: readonly string[]): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "cloister-user-"));
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  mkdirSync(home, { mode: 0o700 });
  chownSync(home, UID, UID);
  const account = `cloister-test:x:${String(UID)}:${String(UID)}::${home}:/bin/sh\n`;
  writeFileSync(join(folder, "passwd"), readFileSync("/etc/passwd", "utf8") + account);
  writeFileSync(join(folder, "ids"), `cloister-test:${String(FIRST_SUBORDINATE)}:65536\n`);
  const report = join(home, "report.json");
  const vitest = [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", "--configLoader", "runner", "--dir", "test"];
  const run = [process.execPath, ...vitest, ...files, "--reporter=json", `--outputFile=${report}`];
  try {
    const child = spawn("unshare", ["--mount", "sh", "-c", ENTER, "enter", folder, ROOT, ...run], {
      env: { PATH: process.env["PATH"], HOME: home, TMPDIR: home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk) => {
        said += String(chunk);
      });
    }
    await once(child, "close");
    return outcomeOf(readReport(report, said));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(file: string, said: string): Report {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Report;
  } catch (cause) {
    throw new Error(`no report of the tests: ${said.slice(-2000)}`, { cause });
  }
}

function outcomeOf({ testResults }: Report): Outcome {
  const all = testResults.flatMap(({ assertionResults }) => assertionResults);
  const named = (status: string) => all.filter((each) => each.status === status).map(({ fullName }) => fullName);
  const broken = testResults.filter(({ message }) => message !== "").map(({ message }) => message);
  const failed = all.filter(({ status }) => status === "failed");
  return {
    passed: named("passed"),
    failed: [...broken, ...failed.map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages.join("\n")}`)],
    skipped: [...named("skipped"), ...named("pending")],
  };
}
