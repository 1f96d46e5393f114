// Reads the members of a parsed JSON object one by one: types checked, unknown members refused.
import { CloisterError } from "./errors.ts";
import type { Json } from "./json.ts";

/** A parsed JSON object whose members are taken with their type; {@link Fields.end} refuses what was not taken. */
export class Fields {
  readonly #members: Map<string, Json>;
  readonly #what: string;

  /** @throws {@link CloisterError} INTEGRITY where the value is no object */
  constructor(value: Json | undefined, what: string) {
    if (value === null || typeof value !== "object" || Array.isArray(value)) throw malformed(what, "it is no object");
    this.#what = what;
    this.#members = new Map(Object.entries(value).filter((e): e is [string, Json] => e[1] !== undefined));
  }

  string(key: string, pattern?: RegExp): string {
    const value = this.#take(key);
    if (typeof value !== "string" || (pattern && !pattern.test(value))) throw this.#wrong(key);
    return value;
  }

  integer(key: string, min = 0): number {
    const value = this.#take(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min) throw this.#wrong(key);
    return value;
  }

  /** ms since 1970. */
  instant(key: string): number {
    const value = this.#take(key);
    if (!isInstant(value)) throw this.#wrong(key);
    return value;
  }

  boolean(key: string): boolean {
    const value = this.#take(key);
    if (typeof value !== "boolean") throw this.#wrong(key);
    return value;
  }

  /** A member of any type, or undefined. */
  any(key: string): Json | undefined {
    return this.#take(key);
  }

  list(key: string): readonly Json[] {
    const value = this.#take(key);
    if (!Array.isArray(value)) throw this.#wrong(key);
    return value;
  }

  strings(key: string, pattern?: RegExp): readonly string[] {
    return this.list(key).map((item) => {
      if (typeof item !== "string" || (pattern && !pattern.test(item))) throw this.#wrong(key);
      return item;
    });
  }

  fields(key: string): Fields {
    return new Fields(this.#take(key), `${this.#what}, member ${key}`);
  }

  has(key: string): boolean {
    return this.#members.has(key);
  }

  /** Refuses members that no one took: a newer format must not be half understood. */
  end(): void {
    for (const key of this.#members.keys())
      throw malformed(this.#what, `it has an unknown member ${JSON.stringify(key)}`);
  }

  #take(key: string): Json | undefined {
    const value = this.#members.get(key);
    this.#members.delete(key);
    return value;
  }

  #wrong(key: string): CloisterError {
    return malformed(this.#what, `its member ${key} is missing or wrong`);
  }
}

/** The last that ECMAScript has a date for: later ones cannot be printed. */
const INSTANT_MAX = 8_640_000_000_000_000;

/** Whether a value is a time after 1970, in ms. */
export function isInstant(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= INSTANT_MAX;
}

/** Lower-case hex of a SHA-256. */
export const SHA256 = /^[0-9a-f]{64}$/;
/** Lower-case hex of a random 128-bit id. */
export const ID = /^[0-9a-f]{32}$/;

function malformed(what: string, why: string): CloisterError {
  return new CloisterError("INTEGRITY", `malformed ${what}`, { why, next: "cloister audit verify" });
}
