// An entry of the log: its clear part, and the part that is sealed to the audit key.
import type { AuditEvent } from "../audit/event.ts";
import { canonicalBytes } from "../base/json.ts";
import { encryptTo } from "../keys/age.ts";
import type { Decision } from "../policy/decide.ts";
import { AUDIT_PLACE } from "./class-keys.ts";
import type { Ask } from "./decision.ts";
import type { Session } from "./session.ts";

/** One phase of an operation. */
export interface Step {
  readonly id: string;
  readonly phase: AuditEvent["phase"];
  readonly policy: number;
  readonly decision: Decision | { readonly rules: readonly string[]; readonly enforcement: string };
}

/** The entry that says what was asked, by what it was decided, and what there is to know of it. */
export async function eventOf(session: Session, ask: Ask, { id, phase, policy, decision }: Step): Promise<AuditEvent> {
  const { rules, enforcement } = "rules" in decision ? decision : rulesOf(decision);
  const { action, domain, class: klass, versionId, workspace, facts } = ask;
  return {
    project: session.config.project,
    operation: id,
    phase,
    action,
    timeMs: Math.floor(await session.store.now()),
    policy,
    domain,
    class: klass,
    versionId,
    workspace,
    rules,
    enforcement,
    facts,
    sealed: await seal(session, ask.sealed),
  };
}

/** What decided, in words of the log. */
export function rulesOf(decision: Decision): { rules: readonly string[]; enforcement: string } {
  const rules = decision.allow ? decision.by.map((by) => by.rule) : decision.refusals.map((refusal) => refusal.rule);
  return { rules: [...new Set(rules)], enforcement: decision.enforcement };
}

/** Long texts are cut: an event has 16 KiB, and an over-long name must not keep a refusal out of the log. */
const SEALED_BYTES_MAX = 6000;

function cut(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text);
  return bytes.length <= bytesMax
    ? text
    : new TextDecoder().decode(bytes.subarray(0, bytesMax)).replace(/\ufffd+$/, "");
}

async function seal(session: Session, texts: Ask["sealed"]): Promise<string | undefined> {
  const given = Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined);
  if (given.length === 0) return undefined;
  const room = Math.floor(SEALED_BYTES_MAX / given.length);
  const plain = canonicalBytes(Object.fromEntries(given.map(([key, text]) => [key, cut(text, room)])));
  const { recipient } = await session.keys.newest(AUDIT_PLACE);
  return Buffer.from(await encryptTo([recipient], plain)).toString("base64");
}
