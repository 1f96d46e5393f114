// What the log has established: the policy in force at each position, whose keys count, which operations happened.

import type { AuditEvent } from "../audit/event.ts";
import type { Admission } from "../audit/log.ts";
import type { LoggedEvent } from "../audit/taken.ts";
import type { Json } from "../base/json.ts";
import { SHA256 } from "../base/record.ts";
import { covers } from "../policy/entitlements.ts";
import { LogIndex } from "./log-index.ts";
import { changesPolicy } from "./policy-event.ts";
import { type InForce, type KnownKey, PolicyLedger, type SignedVersion } from "./policy-ledger.ts";
import type { PolicyShelf } from "./policy-shelf.ts";
import { changesSecret, SecretLedger, secretIn } from "./secret/ledger.ts";

/** The phases of one operation that were logged. */
export interface OperationRecord {
  intent?: LoggedEvent;
  done?: LoggedEvent;
  refused?: LoggedEvent;
  failed?: LoggedEvent;
}

/** A version that the log gave a number and perhaps a label. What counts is here; the store only holds the bytes. */
export interface LoggedVersion {
  readonly domain: string;
  readonly nameId: string;
  readonly number: number;
  readonly labelId: string | undefined;
  readonly versionId: string;
  readonly done: LoggedEvent;
}

/** Holds the log's meaning in memory; {@link Log} feeds it. */
export class Ledger implements Admission {
  readonly events: LoggedEvent[] = [];
  readonly secrets = new SecretLedger();
  readonly index = new LogIndex();
  readonly #operations = new Map<string, OperationRecord>();
  readonly #byWorkspace = new Map<string, LoggedEvent[]>();
  readonly #byId = new Map<string, LoggedVersion>();
  /** By `domain/nameId`; numbers have no gaps, so number N is at N - 1. */
  readonly #versions = new Map<string, LoggedVersion[]>();
  readonly #labels = new Map<string, LoggedVersion>();
  readonly #policies: PolicyLedger;

  /** @param pin SHA-256 of policy version 1 */
  constructor(project: string, pin: string, shelf: PolicyShelf) {
    this.#policies = new PolicyLedger(project, pin, shelf);
  }

  /** Every policy version that took force, in order. */
  get policies(): readonly InForce[] {
    return this.#policies.versions;
  }

  /** SHA-256 of epoch records, by `domain/class/epoch`. */
  get epochs(): ReadonlyMap<string, string> {
    return this.#policies.epochs;
  }

  /** The policy in force now. @throws CloisterError INTEGRITY where the log is empty */
  get inForce(): InForce {
    return this.#policies.inForce;
  }

  /** The version in force, or an earlier one, compiled. @throws CloisterError INTEGRITY */
  policy(version?: number): Promise<SignedVersion> {
    return this.#policies.policy(version);
  }

  /** Owners who signed a version that took force, counted anew. @throws CloisterError INTEGRITY */
  signersOf(version: number): ReturnType<PolicyLedger["signersOf"]> {
    return this.#policies.signersOf(version);
  }

  /** The member behind a key id in any policy version that took force, newest first; suspended ones included. */
  signerOf(keyId: string): Promise<KnownKey | undefined> {
    return this.#policies.signerOf(keyId);
  }

  keyOf(keyId: string, event: AuditEvent): Promise<KnownKey | undefined> {
    return this.#policies.keyOf(keyId, event);
  }

  operation(keyId: string, operation: string): OperationRecord | undefined {
    return this.#operations.get(`${keyId}/${operation}`);
  }

  /** Everything logged in a workspace, in order. */
  inWorkspace(workspace: string): readonly LoggedEvent[] {
    return this.#byWorkspace.get(workspace) ?? [];
  }

  /** Versions of an artifact that were pushed to the end, ascending. */
  versionsOf(domain: string, nameId: string): readonly LoggedVersion[] {
    return this.#versions.get(`${domain}/${nameId}`) ?? [];
  }

  /** The number that the next version of an artifact gets. */
  nextNumber(domain: string, nameId: string): number {
    return this.versionsOf(domain, nameId).length + 1;
  }

  /** The version with this id, if the log gave it a number. Its class is the one its push was logged with. */
  versionById(versionId: string): LoggedVersion | undefined {
    return this.#byId.get(versionId);
  }

  /** Every version of every artifact, also in domains that the policy has no longer. */
  get versions(): Iterable<LoggedVersion> {
    return this.#byId.values();
  }

  /** The version that a label was given to; labels are given once. */
  labelled(domain: string, nameId: string, labelId: string): LoggedVersion | undefined {
    return this.#labels.get(`${domain}/${nameId}/${labelId}`);
  }

  /** Name ids of all artifacts in a domain. */
  artifactsIn(domain: string): readonly string[] {
    const prefix = `${domain}/`;
    return [...this.#versions.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
  }

  async admit(logged: LoggedEvent): Promise<(() => void) | undefined> {
    const { event, keyId } = logged;
    if (event.policy !== (this.policies.at(-1)?.version ?? 1)) return undefined;
    if (!(await this.#policies.isInTime(logged))) return undefined;
    const before = this.operation(keyId, event.operation);
    if (before?.[event.phase] || before?.done || before?.refused || before?.failed) return undefined;
    const ends = event.phase === "done" || event.phase === "failed";
    if (ends && before?.intent?.event.action !== event.action) return undefined;
    if (finishesPush(event) && !(await this.#mayBeGiven(versionIn(logged), before?.intent))) return undefined;
    if (changesSecret(event) && !(await this.#mayChangeSecret(logged, before?.intent))) return undefined;
    if (changesPolicy(event) && !(await this.#policies.mayTakeForce(logged))) return undefined;
    return this.#take(logged);
  }

  restore(logged: LoggedEvent): void {
    this.#take(logged);
  }

  #take(logged: LoggedEvent): () => void {
    const { event, keyId } = logged;
    const key = `${keyId}/${event.operation}`;
    const record = this.#operations.get(key) ?? {};
    this.#operations.set(key, { ...record, [event.phase]: logged });
    this.events.push(logged);
    this.index.take(logged);
    const workspace = event.workspace === undefined ? undefined : this.#inWorkspaceOf(event.workspace);
    workspace?.push(logged);
    const epochs = changesPolicy(event) ? this.#policies.take(logged) : undefined;
    const pushed = finishesPush(event) ? versionIn(logged) : undefined;
    if (pushed) this.#takeVersion(pushed);
    const secret = changesSecret(event) ? secretIn(logged) : undefined;
    if (secret) this.secrets.take(secret);
    return () => {
      if (pushed) this.#dropVersion(pushed);
      if (secret) this.secrets.drop(secret);
      this.#operations.set(key, record);
      this.events.pop();
      this.index.drop(logged);
      workspace?.pop();
      if (epochs) this.#policies.drop(epochs);
    };
  }

  /**
   * A number and a label are given once, numbers in order, and only to those whose roles let them push there: otherwise
   * any member could take the names, numbers and labels of what they may not even read.
   */
  async #mayBeGiven(version: LoggedVersion | undefined, intent: LoggedEvent | undefined): Promise<boolean> {
    if (!version || !intent) return false;
    const { domain, nameId, number, labelId, versionId, done } = version;
    const { event } = intent;
    // Or a claim to another's version, with a higher class, would change what was judged by its class before.
    if (this.#byId.has(versionId)) return false;
    if (event.domain !== domain || event.class === undefined || event.class !== done.event.class) return false;
    if (number !== this.nextNumber(domain, nameId)) return false;
    if (labelId !== undefined && this.labelled(domain, nameId, labelId)) return false;
    const { compiled } = await this.policy(event.policy);
    return covers(compiled.policy, done.member, "artifact.push", { domain, class: event.class });
  }

  async #mayChangeSecret(done: LoggedEvent, intent: LoggedEvent | undefined): Promise<boolean> {
    if (!intent) return false;
    const { policy } = (await this.policy(intent.event.policy)).compiled;
    return this.secrets.mayBeGiven(secretIn(done), intent, policy);
  }

  #takeVersion(version: LoggedVersion): void {
    const { domain, nameId, labelId, versionId } = version;
    const artifact = `${domain}/${nameId}`;
    const versions = this.#versions.get(artifact) ?? [];
    versions.push(version);
    this.#versions.set(artifact, versions);
    if (labelId !== undefined) this.#labels.set(`${artifact}/${labelId}`, version);
    this.#byId.set(versionId, version);
  }

  #dropVersion({ domain, nameId, labelId, versionId }: LoggedVersion): void {
    this.#versions.get(`${domain}/${nameId}`)?.pop();
    if (labelId !== undefined) this.#labels.delete(`${domain}/${nameId}/${labelId}`);
    this.#byId.delete(versionId);
  }

  #inWorkspaceOf(workspace: string): LoggedEvent[] {
    const events = this.#byWorkspace.get(workspace) ?? [];
    this.#byWorkspace.set(workspace, events);
    return events;
  }
}

function finishesPush(event: AuditEvent): boolean {
  return event.phase === "done" && event.action === "artifact.push";
}

/** What the entry that finishes a push says; undefined where it does not say it rightly. */
function versionIn(done: LoggedEvent): LoggedVersion | undefined {
  const { domain, class: klass, versionId, facts = {} } = done.event;
  const { nameId, number, labelId } = facts as { readonly [name: string]: Json | undefined };
  if (domain === undefined || klass === undefined || versionId === undefined) return undefined;
  if (typeof nameId !== "string" || !SHA256.test(nameId)) return undefined;
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) return undefined;
  if (labelId !== undefined && (typeof labelId !== "string" || !SHA256.test(labelId))) return undefined;
  return { domain, nameId, number, labelId, versionId, done };
}
