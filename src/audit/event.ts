// One line of the audit log: what somebody did, was about to do, or was refused.
import { integrity } from "../base/errors.ts";
import { canonicalBytes, type Json, parseCanonical } from "../base/json.ts";
import { Fields, ID, SHA256 } from "../base/record.ts";

export const EVENT_TYPE = "application/vnd.cloister.event.v1+json";
/** provenance.md: an event is at most 16 KiB, so that a commit of many stays small. */
const EVENT_BYTES_MAX = 16 * 1024;
/** An envelope holds the event in base64, a signature and a key id. */
export const ENVELOPE_BYTES_MAX = 2 * EVENT_BYTES_MAX;

/** `failed`: the intent was given up, with nothing done. */
type Phase = "intent" | "done" | "refused" | "failed";

/** The clear part of an event: allow-listed fields only, nothing that names an artifact, a file or a host. */
export interface AuditEvent {
  readonly project: string;
  /** Random 128-bit id that the phases of one operation share. */
  readonly operation: string;
  readonly phase: Phase;
  readonly action: string;
  /** When the actor signed it, ms since 1970, by the store's clock. */
  readonly timeMs: number;
  /** Policy version in force at the entry's position. */
  readonly policy: number;
  readonly domain?: string | undefined;
  readonly class?: string | undefined;
  readonly versionId?: string | undefined;
  /** Random id of the workspace it happened in. */
  readonly workspace?: string | undefined;
  /** Rules that decided: the permitting roles, or the refusing rules. */
  readonly rules: readonly string[];
  readonly enforcement: string;
  /** Numbers, booleans and digests the decision or the effect rested on. */
  readonly facts?: { readonly [name: string]: Json | undefined } | undefined;
  /** age file to the audit key: names, purpose, justification, destination (canonical JSON inside), base64. */
  readonly sealed?: string | undefined;
}

/** The event as CloudEvents 1.0 in canonical JSON. @throws TypeError where it is too large */
export function encodeEvent(event: AuditEvent): Uint8Array {
  const { project, operation, phase, action, timeMs, ...data } = event;
  const bytes = canonicalBytes({
    specversion: "1.0",
    id: `${operation}/${phase}`,
    source: `cloister:${project}`,
    type: `dev.cloister.${action}.${phase}`,
    time: new Date(timeMs).toISOString(),
    data: { ...data, facts: data.facts && Object.keys(data.facts).length > 0 ? data.facts : undefined },
  });
  if (bytes.length > EVENT_BYTES_MAX) throw new TypeError(`event of ${String(bytes.length)} bytes`);
  return bytes;
}

/** @throws CloisterError INTEGRITY for anything {@link encodeEvent} would not have written */
export function decodeEvent(bytes: Uint8Array): AuditEvent {
  const outer = new Fields(parseCanonical(bytes, "log entry", EVENT_BYTES_MAX), "log entry");
  if (outer.string("specversion") !== "1.0") throw integrity("malformed log entry");
  const [operation = "", phase = "", ...rest] = outer.string("id").split("/");
  const [scheme, project = "", ...more] = outer.string("source").split(":");
  const kind = /^dev\.cloister\.([a-z][a-z.-]{1,63})\.(intent|done|refused|failed)$/.exec(outer.string("type"));
  if (!ID.test(operation) || !ID.test(project) || scheme !== "cloister" || rest.length + more.length > 0) {
    throw integrity("malformed log entry");
  }
  if (!kind || kind[2] !== phase) throw integrity("malformed log entry");
  const time = outer.string("time");
  const timeMs = Date.parse(time);
  // Four digits for the year: other readers need not know the longer ones of ECMAScript.
  if (time.length !== 24 || !Number.isFinite(timeMs) || new Date(timeMs).toISOString() !== time)
    throw integrity("malformed log entry");
  const data = outer.fields("data");
  outer.end();
  const event: AuditEvent = {
    project,
    operation,
    phase: phase as Phase,
    action: kind[1] ?? "",
    timeMs,
    policy: data.integer("policy", 1),
    domain: optional(data, "domain", PLACE),
    class: optional(data, "class", PLACE),
    versionId: optional(data, "versionId", SHA256),
    workspace: optional(data, "workspace", ID),
    rules: data.strings("rules", /^[\x21-\x7e]{1,200}$/),
    enforcement: data.string("enforcement", /^[\x20-\x7e]{1,100}$/),
    facts: data.has("facts") ? factsOf(data) : undefined,
    sealed: optional(data, "sealed", /^[A-Za-z0-9+/]+={0,2}$/),
  };
  data.end();
  return event;
}

const PLACE = /^[a-z0-9_][a-z0-9._-]{0,127}$/;

function optional(fields: Fields, key: string, pattern: RegExp): string | undefined {
  return fields.has(key) ? fields.string(key, pattern) : undefined;
}

function factsOf(data: Fields): { readonly [name: string]: Json | undefined } {
  const facts = data.any("facts");
  if (facts === null || typeof facts !== "object" || Array.isArray(facts)) throw integrity("malformed log entry");
  for (const fact of Object.values(facts)) {
    // Floating point would be written differently by different programs.
    if (typeof fact === "number" && (!Number.isSafeInteger(fact) || fact < 0)) throw integrity("malformed log entry");
  }
  return facts as { readonly [name: string]: Json | undefined };
}
