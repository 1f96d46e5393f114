// Whether to colour, by the environment and the terminal.

type Env = Readonly<Record<string, string | undefined>>;

/** NO_COLOR (https://no-color.org) beats FORCE_COLOR beats the terminal. */
export function wantsColor(env: Env, tty: boolean): boolean {
  if (env["NO_COLOR"]) return false;
  if (env["FORCE_COLOR"] !== undefined) return isOn(env["FORCE_COLOR"]) || env["FORCE_COLOR"] === "";
  return tty && env["TERM"] !== "dumb";
}

/** A variable that is set to anything but 0 or false. */
export function isOn(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value !== "false";
}
