// Words in the clear part of an entry, which its signer chose.
import type { AuditEvent } from "../../audit/event.ts";

/** Longer than any name in a policy, and any digest. */
const LENGTH_MAX = 128;

/** A fact that is a text as a policy could name it; undefined for everything else. */
export function factText({ facts = {} }: AuditEvent, name: string): string | undefined {
  const fact = Object.hasOwn(facts, name) ? facts[name] : undefined;
  return typeof fact === "string" && fact.length <= LENGTH_MAX ? fact : undefined;
}
