// JSON that means one thing only: canonical when written, strict when read.
import { CloisterError } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/**
 * Canonical JSON after RFC 8785 (JCS): keys sorted by UTF-16 code units, no white space, `undefined` members left out.
 * Numbers must be finite; Node's number formatting is the one JCS prescribes.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === "number" && !Number.isFinite(value)) throw new TypeError("not a JSON number");
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item)).join(",")}]`;
  const members = Object.entries(value as { [key: string]: Json | undefined })
    .filter((entry): entry is [string, Json] => entry[1] !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`);
  return `{${members.join(",")}}`;
}

/** {@link canonicalJson} as UTF-8 bytes. */
export function canonicalBytes(value: Json): Uint8Array {
  return Buffer.from(canonicalJson(value), "utf8");
}

/**
 * Parses bytes that somebody else wrote. Accepts only canonical JSON, which rules out duplicate keys, integers over
 * 2^53, lone surrogates and white-space variants at once: whatever does not come out again byte for byte is refused.
 *
 * @param what names the object in the error, e.g. `version record`
 * @param bytesMax the size limit, checked before parsing
 * @throws {@link CloisterError} INTEGRITY
 */
export function parseCanonical(bytes: Uint8Array, what: string, bytesMax: number): Json {
  if (bytes.length > bytesMax) throw malformed(what, `it is larger than ${String(bytesMax)} bytes`);
  let text: string;
  let value: Json;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text) as Json;
  } catch (cause) {
    throw malformed(what, "it is not JSON", cause);
  }
  if (depth(value) > DEPTH_MAX) throw malformed(what, "it is nested too deeply");
  if (canonicalJson(value) !== text) throw malformed(what, "it is not canonical JSON");
  return value;
}

/** No object of ours nests deeper than an in-toto statement, about 10 levels. */
const DEPTH_MAX = 32;

function depth(value: Json): number {
  let deepest = 0;
  // An explicit stack: hostile nesting must not overflow ours.
  const open: [Json, number][] = [[value, 1]];
  for (let next = open.pop(); next; next = open.pop()) {
    const [item, level] = next;
    if (item === null || typeof item !== "object") continue;
    deepest = Math.max(deepest, level);
    if (level > DEPTH_MAX) return level;
    for (const inner of Object.values(item)) if (inner !== undefined) open.push([inner, level + 1]);
  }
  return deepest;
}

function malformed(what: string, why: string, cause?: unknown): CloisterError {
  return new CloisterError("INTEGRITY", `malformed ${what}`, { why, cause, next: "cloister audit verify" });
}
