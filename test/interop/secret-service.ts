// A session bus with gnome-keyring on it, without a screen.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const has = (command: string) => spawnSync(command, ["--version"]).status === 0;

/** Whether this machine can have one. */
export const HAS_SECRET_SERVICE =
  process.platform === "linux" && has("dbus-run-session") && has("gnome-keyring-daemon");

/** Environment variable that names a session bus. */
export const BUS = "DBUS_SESSION_BUS_ADDRESS";

export interface SecretService {
  /** Address of its bus. */
  readonly bus: string;
  end(): Promise<void>;
}

const STARTS = {
  unlocked: "printf test-password | gnome-keyring-daemon --unlock --components=secrets --daemonize",
  locked: "gnome-keyring-daemon --start --components=secrets",
} as const;

/** Starts it. What it stores stays in `root`, so that it can be started again as `locked` once it was unlocked there. */
export async function startSecretService(root: string, state: keyof typeof STARTS): Promise<SecretService> {
  mkdirSync(join(root, "run"), { mode: 0o700, recursive: true });
  const script = `${STARTS[state]} >/dev/null 2>&1\necho "$${BUS}"\nread -r _\n`;
  const { DISPLAY: _x, WAYLAND_DISPLAY: _w, ...inherited } = process.env;
  const env = { ...inherited, XDG_DATA_HOME: join(root, "data"), XDG_RUNTIME_DIR: join(root, "run"), HOME: root };
  const session = spawn("dbus-run-session", ["--", "sh", "-c", script], { env, stdio: ["pipe", "pipe", "ignore"] });
  const end = (): Promise<void> => endOf(session);
  for await (const bus of createInterface({ input: session.stdout })) return { bus, end };
  throw new Error("no session bus");
}

async function endOf(session: ChildProcess): Promise<void> {
  if (session.exitCode !== null) return;
  const ended = new Promise((resolve) => session.once("exit", resolve));
  session.stdin?.end();
  await ended;
}
