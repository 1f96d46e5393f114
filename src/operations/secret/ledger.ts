// What the log says of secrets: which value is the current one, and which were removed. Part of the ledger.
import type { AuditEvent } from "../../audit/event.ts";
import type { LoggedEvent } from "../../audit/taken.ts";
import type { Json } from "../../base/json.ts";
import { SHA256 } from "../../base/record.ts";
import { covers } from "../../policy/entitlements.ts";
import type { Policy } from "../../policy/schema.ts";

/** One step in the life of a secret, as the log has it: a value it was given, or its removal. */
export interface LoggedSecret {
  readonly domain: string;
  readonly class: string;
  readonly secretId: string;
  /** Of the value; of a removal, the number of the value that was removed. */
  readonly number: number;
  /** SHA-256 of the record's payload; undefined for a removal. */
  readonly digest: string | undefined;
  /** Key epoch that the value is sealed with; 0 for a removal. */
  readonly epoch: number;
  /** Age at which its setter wants it rotated. */
  readonly rotateMs: number | undefined;
  readonly done: LoggedEvent;
}

/**
 * Numbers are given once, in order, and only to those whose roles let them write there. A secret keeps its class while
 * it lives: otherwise whoever may write in a low class could put a value of their own in the place of a more sensitive one.
 */
export class SecretLedger {
  /** By `domain/secretId`, in the order of the log. */
  readonly #steps = new Map<string, LoggedSecret[]>();

  /** Everything that was logged of a secret, in order. */
  stepsOf(domain: string, secretId: string): readonly LoggedSecret[] {
    return this.#steps.get(`${domain}/${secretId}`) ?? [];
  }

  /** The newest step of every secret that was not removed. */
  live(): readonly LoggedSecret[] {
    return [...this.#steps.values()].flatMap((steps) => steps.at(-1) ?? []).filter((step) => step.digest !== undefined);
  }

  /** Secret ids of all secrets in a domain, removed ones included. */
  idsIn(domain: string): readonly string[] {
    const prefix = `${domain}/`;
    return [...this.#steps.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  /** The number that the next value of a secret gets. Numbers go on after a removal. */
  nextNumber(domain: string, secretId: string): number {
    return (this.stepsOf(domain, secretId).at(-1)?.number ?? 0) + 1;
  }

  /** @param policy in force at the intent */
  mayBeGiven(step: LoggedSecret | undefined, intent: LoggedEvent | undefined, policy: Policy): boolean {
    if (!step || !intent) return false;
    const { domain, class: klass, secretId, number, digest, done } = step;
    if (intent.event.domain !== domain || intent.event.class !== klass) return false;
    const before = this.stepsOf(domain, secretId).at(-1);
    const live = before?.digest !== undefined;
    if (live && before.class !== klass) return false;
    const fits = digest === undefined ? live && number === before.number : number === this.nextNumber(domain, secretId);
    return fits && covers(policy, done.member, "secret.write", { domain, class: klass });
  }

  take(step: LoggedSecret): void {
    const key = `${step.domain}/${step.secretId}`;
    const steps = this.#steps.get(key) ?? [];
    steps.push(step);
    this.#steps.set(key, steps);
  }

  drop({ domain, secretId }: LoggedSecret): void {
    this.#steps.get(`${domain}/${secretId}`)?.pop();
  }
}

export function changesSecret(event: AuditEvent): boolean {
  return event.phase === "done" && event.action === "secret.write";
}

/** What the entry that finishes a change of a secret says; undefined where it does not say it rightly. */
export function secretIn(done: LoggedEvent): LoggedSecret | undefined {
  const { domain, class: klass, facts = {} } = done.event;
  const { secretId, number, digest, removed, epoch, rotateMs } = facts as { readonly [name: string]: Json | undefined };
  if (domain === undefined || klass === undefined) return undefined;
  if (typeof secretId !== "string" || !SHA256.test(secretId)) return undefined;
  if (!isCount(number) || (rotateMs !== undefined && !isCount(rotateMs))) return undefined;
  const common = { domain, class: klass, secretId, number, done };
  if (removed === true && digest === undefined) return { ...common, digest, epoch: 0, rotateMs: undefined };
  if (removed !== undefined || typeof digest !== "string" || !SHA256.test(digest) || !isCount(epoch)) return undefined;
  return { ...common, digest, epoch, rotateMs };
}

function isCount(value: Json | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1;
}
