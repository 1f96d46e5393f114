// What a command on a person's terminal has to know of it, and nothing else of their environment.
import type { Host } from "../host.ts";

/** What can be in the name of a terminal or a language; anything else stays outside. */
const NAME = /^[A-Za-z0-9+._@-]{1,64}$/;

/** `TERM` and the like, for a command on the terminal itself. */
export function terminalVariables({ env }: Pick<Host, "env">): Readonly<Record<string, string>> {
  const given = (name: string) => {
    const value = env[name];
    return value !== undefined && NAME.test(value) ? { [name]: value } : {};
  };
  return { TERM: "dumb", ...given("TERM"), ...given("COLORTERM"), ...given("NO_COLOR") };
}
