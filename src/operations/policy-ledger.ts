// Which policy version took force where in the log, whose keys count under it, and the epochs of keys that came with it.
import type { AuditEvent } from "../audit/event.ts";
import type { LoggedEvent } from "../audit/taken.ts";
import { integrity, isIntegrity } from "../base/errors.ts";
import type { Json } from "../base/json.ts";
import { SHA256 } from "../base/record.ts";
import type { Policy } from "../policy/schema.ts";
import { holderOf } from "./devices.ts";
import type { PolicyShelf, PolicyVersion } from "./policy-shelf.ts";
import { asLogged, isSignedBy, isSignedByEnough, ownersWhoSigned } from "./policy-signatures.ts";

/** A policy version that took force at a position of the log. */
export interface InForce {
  readonly version: number;
  /** SHA-256 of its YAML bytes. */
  readonly digest: string;
  /** Entry at which it took force. */
  readonly entry: number;
  readonly member: string;
  /** The facts of that entry. */
  readonly facts: AuditEvent["facts"];
}

/** A version in force, with the signatures that count. */
export interface SignedVersion extends PolicyVersion {
  /** Ids of its own members whose signature it bears. */
  readonly signedBy: readonly string[];
}

/** A key that counts, and whose it is. */
export interface KnownKey {
  readonly signs: string;
  readonly member: string;
}

export class PolicyLedger {
  readonly versions: InForce[] = [];
  /** SHA-256 of epoch records, by `domain/class/epoch`. */
  readonly epochs = new Map<string, string>();
  readonly #signed = new Map<string, Promise<SignedVersion>>();
  readonly #project: string;
  readonly #pin: string;
  readonly #shelf: PolicyShelf;

  /** @param pin SHA-256 of policy version 1 */
  constructor(project: string, pin: string, shelf: PolicyShelf) {
    this.#project = project;
    this.#pin = pin;
    this.#shelf = shelf;
  }

  /** The policy in force now. @throws CloisterError INTEGRITY where the log is empty */
  get inForce(): InForce {
    const latest = this.versions.at(-1);
    if (!latest) throw integrity("the project has no policy in force", { why: "its log is empty or was removed" });
    return latest;
  }

  /** A version that took force, compiled. @throws CloisterError INTEGRITY */
  policy(version: number = this.inForce.version): Promise<SignedVersion> {
    const found = this.versions.find((policy) => policy.version === version);
    if (!found) throw integrity(`policy version ${String(version)} never took force`);
    const key = `${String(found.entry)}/${found.digest}`;
    let loading = this.#signed.get(key);
    if (!loading) {
      loading = this.#signedAs(found);
      this.#signed.set(key, loading);
      loading.catch(() => this.#signed.delete(key));
    }
    return loading;
  }

  /** Checked again whenever it is loaded: what this device remembers of the log is not what it has of the store. */
  async #signedAs({ version, digest, facts }: InForce): Promise<SignedVersion> {
    const loaded = await this.#shelf.load(version, digest);
    const { policy } = loaded.compiled;
    const envelope = asLogged(loaded.envelope, facts);
    if (!envelope || !isSignedByEnough(policy, envelope)) throw notSigned(version);
    return { ...loaded, envelope, signedBy: policy.members.filter((m) => isSignedBy(envelope, m)).map(({ id }) => id) };
  }

  /**
   * Owners who signed a version that took force, of the version before it and of its own, counted anew.
   * @throws CloisterError INTEGRITY where they are not enough
   */
  async signersOf(version: number): Promise<{ readonly before: readonly string[]; readonly own: readonly string[] }> {
    const { envelope, compiled } = await this.policy(version);
    const own = ownersWhoSigned(compiled.policy, envelope);
    if (version === 1) return { before: [], own };
    const before = (await this.policy(version - 1)).compiled.policy;
    if (!isSignedByEnough(before, envelope)) throw notSigned(version);
    return { before: ownersWhoSigned(before, envelope), own };
  }

  /** The member behind a key id in any policy version that took force, newest first; suspended ones included. */
  async signerOf(keyId: string): Promise<KnownKey | undefined> {
    for (const { version } of [...this.versions].reverse()) {
      const holder = holderOf((await this.policy(version)).compiled.policy, keyId);
      if (holder) return { signs: holder.device.signs, member: holder.member.id };
    }
    return undefined;
  }

  /** The unsuspended member behind a key id under the policy in force; before there is one, under the pinned first. */
  async keyOf(keyId: string, event: AuditEvent): Promise<KnownKey | undefined> {
    const { compiled } = this.versions.length > 0 ? await this.policy() : await this.#first(event);
    const holder = holderOf(compiled.policy, keyId);
    if (!holder || holder.member.suspended !== undefined) return undefined;
    return { signs: holder.device.signs, member: holder.member.id };
  }

  /** Before anything is logged, the pinned version 1 says whose key may begin. */
  #first(event: AuditEvent): Promise<PolicyVersion> {
    if (event.action !== "policy.change" || event.facts?.["policyDigest"] !== this.#pin) {
      throw integrity("the log does not begin with the policy that this checkout pins");
    }
    return this.#shelf.load(1, this.#pin);
  }

  /**
   * After the policy expired, only an owner's change of it counts: otherwise one entry dated far ahead, which no clock
   * can refute later, would make everybody's later entries count as too late.
   */
  async isInTime({ timeMs, event, member }: LoggedEvent): Promise<boolean> {
    if (this.versions.length === 0) return true;
    const { policy } = (await this.policy()).compiled;
    if (timeMs < policy.expires.endMs) return true;
    return event.action === "policy.change" && policy.owners.members.includes(member);
  }

  /** policy.md, Trust: no gaps, no forks, signed by enough owners of the version before and by enough of its own. */
  async mayTakeForce({ event, member, entry }: LoggedEvent): Promise<boolean> {
    const { version, digest } = policyFacts(event);
    const current = this.versions.at(-1);
    if (version !== (current?.version ?? 0) + 1 || digest === undefined) return false;
    const before: Policy | undefined = current && (await this.policy()).compiled.policy;
    // Before anything is fetched: only an owner's entry may make readers fetch and parse a policy.
    if (before && !before.owners.members.includes(member)) return false;
    const blamed = (error: unknown): never => {
      throw blame(error, member, entry);
    };
    const envelope = asLogged(await this.#shelf.envelope(version, digest).catch(blamed), event.facts);
    // An entry that does not say who signed can only speak of one: what else lies in the store may change.
    const saysWho = event.facts?.["signatures"] !== undefined;
    if (!envelope || (!saysWho && (before?.owners.threshold ?? 1) > 1)) return false;
    // Before it is read: what one owner makes up alone must not stop everybody.
    if (before && !isSignedByEnough(before, envelope)) return false;
    const { policy } = (await this.#shelf.load(version, digest).catch(blamed)).compiled;
    if (policy.projectId !== this.#project || policy.previous !== current?.digest) return false;
    if (!before && !policy.owners.members.includes(member)) return false;
    if (isSignedByEnough(policy, envelope)) return saysWho || policy.owners.threshold === 1;
    if (saysWho || policy.owners.threshold > 1) return false;
    throw blame(notSigned(version), member, entry);
  }

  /** @returns what {@link drop} needs to take it back */
  take({ event, entry, member }: LoggedEvent): readonly string[] {
    const { version, digest = "" } = policyFacts(event);
    this.versions.push({ version, digest, entry, member, facts: event.facts });
    const epochs = Object.entries(event.facts?.["epochs"] ?? {}).filter(([name]) => !this.epochs.has(name));
    for (const [name, sha256] of epochs) this.epochs.set(name, String(sha256));
    return epochs.map(([name]) => name);
  }

  drop(epochs: readonly string[]): void {
    for (const epoch of epochs) this.epochs.delete(epoch);
    this.versions.pop();
  }
}

function notSigned(version: number): Error {
  return integrity(`policy version ${String(version)} is not signed by its owners`);
}

/** Damage that one entry leads to names its signer. */
function blame(error: unknown, member: string, entry: number): unknown {
  if (!isIntegrity(error)) return error;
  const why = `${error.why === undefined ? "" : `${error.why}; `}${member} logged it as entry #${String(entry)}`;
  return integrity(error.message, { why, cause: error });
}

function policyFacts(event: AuditEvent): { version: number; digest: string | undefined } {
  const version: Json | undefined = event.facts?.["policyVersion"];
  const digest: Json | undefined = event.facts?.["policyDigest"];
  return {
    version: typeof version === "number" ? version : Number.NaN,
    digest: typeof digest === "string" && SHA256.test(digest) ? digest : undefined,
  };
}
