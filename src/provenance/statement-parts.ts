// Small parts of a manifest's open parameters: texts that may be missing, kinds, flat facts.
import { integrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import type { Fields } from "../base/record.ts";
import type { Facts, ManifestKind } from "./manifest.ts";

/** RFC 3339 in UTC, as `toISOString` writes it, with or without fractions of a second. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

/** A text that may be missing. @throws CloisterError INTEGRITY where it is something else */
export function text(fields: Fields, key: string, pattern?: RegExp): string | undefined {
  return fields.has(key) ? fields.string(key, pattern) : undefined;
}

/** @throws CloisterError INTEGRITY where it is no kind of artifact */
export function readKind(fields: Fields): ManifestKind {
  const kind = fields.string("kind");
  if (kind === "dataset" || kind === "model" || kind === "code" || kind === "report") return kind;
  throw integrity("malformed manifest", { why: "it is of an unknown kind of artifact" });
}

/** Facts about the machine, where they were recorded. @throws CloisterError INTEGRITY */
export function readEnvironment(internal: Fields): Facts | undefined {
  return internal.has("environment") ? readFacts(internal.any("environment")) : undefined;
}

/** Flat facts, such as seeds. @throws CloisterError INTEGRITY */
export function readFacts(value: Json | undefined): Facts {
  if (value === null || typeof value !== "object" || Array.isArray(value)) throw noFacts();
  const facts = Object.entries(value).filter((fact): fact is [string, string | number] => {
    if (typeof fact[1] !== "string" && typeof fact[1] !== "number") throw noFacts();
    return true;
  });
  // fromEntries defines members, so that one named __proto__ stays data.
  return Object.fromEntries(facts);
}

function noFacts(): Error {
  return integrity("malformed manifest", { why: "its seeds or environment are no plain facts" });
}
