// Asks git for what makes good defaults. Never fails: without git there are other defaults.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { captureGit } from "../../provenance/capture.ts";
import type { Host } from "../host.ts";

const GIT_MS_MAX = 5000;

/** Branch and remote of the folder's work tree, and the name the person commits under. */
export async function gitDefaults(
  folder: string,
  host: Host,
): Promise<{
  git: { branch: string | undefined; remote: string | undefined } | undefined;
  userName: string | undefined;
}> {
  const state = await captureGit(folder, { home: host.home, signal: host.signal }).catch(() => undefined);
  return {
    git: state && { branch: state.branch, remote: state.remote },
    userName: await globalUserName(host).catch(() => undefined),
  };
}

/** From the person's own settings only: what a cloned repository sets says nothing about who sits here. */
async function globalUserName(host: Host): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)("git", ["config", "--global", "--get", "user.name"], {
    env: { PATH: "/usr/bin:/bin:/usr/local/bin:/opt/homebrew/bin", HOME: host.home },
    cwd: "/",
    timeout: GIT_MS_MAX,
  });
  return stdout.trim().slice(0, 100) || undefined;
}
