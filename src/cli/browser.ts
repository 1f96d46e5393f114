// Opens a web address in the person's browser, where this session has one.
import { spawn } from "node:child_process";

type Env = Readonly<Record<string, string | undefined>>;

/** The program and its arguments, or undefined where there is no screen here: xdg-open would start a text browser. */
export function browserCommand(platform: NodeJS.Platform, env: Env): readonly [string, ...string[]] | undefined {
  if (platform === "darwin") return env["SSH_CONNECTION"] ? undefined : ["open"];
  if (platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  const screen = Boolean(env["DISPLAY"] ?? env["WAYLAND_DISPLAY"]);
  return screen && !env["SSH_CONNECTION"] ? ["xdg-open"] : undefined;
}

/** Starts the browser and does not wait for it. False where there is none; the address has to be shown in any case. */
export function openInBrowser(url: string, env: Env): boolean {
  const command = browserCommand(process.platform, env);
  if (!command) return false;
  const [program, ...args] = command;
  const child = spawn(program, [...args, url], { stdio: "ignore", detached: true });
  // It may not be installed. The address is on the screen.
  child.on("error", () => {});
  child.unref();
  return true;
}
