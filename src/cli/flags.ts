// The values of flags, with their type.
import { CloisterError } from "../base/errors.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Options of one command line, by the long name in camel case. */
export class Flags {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #env: Env;

  constructor(values: Readonly<Record<string, unknown>>, env: Env = {}) {
    this.#values = values;
    this.#env = env;
  }

  on(name: string): boolean {
    return this.#values[name] === true;
  }

  /** `--no-x` was given. */
  off(name: string): boolean {
    return this.#values[name] === false;
  }

  /** The flag, else the environment variable where one is named. */
  text(name: string, variable?: string): string | undefined {
    const value = this.#values[name];
    if (typeof value === "string") return value;
    return (variable !== undefined && this.#env[variable]) || undefined;
  }

  list(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? value.map(String) : [];
  }

  /** One of a closed list; the parser has refused anything else. */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    return choices.find((item) => item === this.#values[name]);
  }

  /** A whole number. @throws {@link CloisterError} USAGE naming the flag */
  count(name: string, min: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (/^\d{1,15}$/.test(text) && number >= min) return number;
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new CloisterError("USAGE", `${flag} ${text} is no whole number from ${String(min)} up`, {
      next: `write it like ${flag} ${String(Math.max(min, 4))}`,
    });
  }
}
