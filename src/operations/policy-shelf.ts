// Policy versions in the store: signed, create-only, and compiled once per device.
import { join } from "node:path";
import { sha256Hex } from "../base/digest.ts";
import { integrity } from "../base/errors.ts";
import { type Envelope, parseEnvelope, signEnvelope } from "../keys/dsse.ts";
import type { Identity } from "../keys/identity.ts";
import { type CompiledPolicy, parseCompiled } from "../policy/compiled.ts";
import type { Store } from "../store/store.ts";
import { readLocal, writeLocal } from "./local-file.ts";

const POLICY_TYPE = "application/vnd.cloister.policy.v1+yaml";
/** policy.md: the file is at most 1 MB; base64 and signatures come on top. */
const POLICY_BYTES_MAX = 1_000_000;
export const ENVELOPE_BYTES_MAX = 2 * POLICY_BYTES_MAX;
const COMPILED_BYTES_MAX = 32 * 1024 * 1024;

/** One version as it stands in the store. */
export interface PolicyVersion {
  readonly compiled: CompiledPolicy;
  readonly text: string;
  /** With the signatures it has in the store. Which ones count, the log says: see `policy-signatures.ts`. */
  readonly envelope: Envelope;
}

/**
 * The digest is part of the name: whoever can write to the store could otherwise take the name of the next version
 * with junk, and create-only names cannot be taken back.
 */
export function policyName(version: number, digest: string): string {
  return `policy/${String(version).padStart(8, "0")}-${digest}`;
}

/** Signs the exact bytes of the file. */
export function signPolicy(text: Uint8Array, identity: Identity): Promise<Uint8Array> {
  return signEnvelope(POLICY_TYPE, text, identity);
}

/** Reads a signed policy; whose the signatures are is not looked at. @throws CloisterError INTEGRITY */
export function parsePolicy(bytes: Uint8Array, what: string): Envelope {
  return parseEnvelope(bytes, POLICY_TYPE, what, ENVELOPE_BYTES_MAX);
}

/** Fetches, checks and compiles policy versions; each at most once per process. */
export class PolicyShelf {
  readonly #store: Store;
  readonly #cache: string;
  readonly #now: () => number;
  readonly #loaded = new Map<string, Promise<PolicyVersion>>();

  /** @param cache folder for compiled policies, only its owner's */
  constructor(store: Store, cache: string, now: () => number) {
    this.#store = store;
    this.#cache = cache;
    this.#now = now;
  }

  /**
   * @param digest SHA-256 of the YAML bytes, from the log or the pin
   * @throws CloisterError INTEGRITY where it is missing, altered or unreadable: a logged policy that cannot
   * be fetched means that nothing can be decided
   */
  load(version: number, digest: string): Promise<PolicyVersion> {
    let loading = this.#loaded.get(digest);
    if (!loading) {
      loading = this.#fetch(version, digest);
      this.#loaded.set(digest, loading);
      loading.catch(() => this.#loaded.delete(digest));
    }
    return loading;
  }

  /**
   * The signed text, whatever it says. Whether it was signed by enough can be told before it is read.
   * @throws CloisterError INTEGRITY where it is missing or altered
   */
  async envelope(version: number, digest: string): Promise<Envelope> {
    const what = `policy version ${String(version)}`;
    const bytes = await this.#store.get(policyName(version, digest), ENVELOPE_BYTES_MAX);
    if (!bytes) throw integrity(`${what} is missing from the store`, { why: "the log says that it is in force" });
    const envelope = parsePolicy(bytes, what);
    if (sha256Hex(envelope.payload) !== digest) throw integrity(`${what} was changed`, { why: "its digest differs" });
    return envelope;
  }

  async #fetch(version: number, digest: string): Promise<PolicyVersion> {
    const what = `policy version ${String(version)}`;
    const envelope = await this.envelope(version, digest);
    const compiled = await this.#compile(envelope.payload, digest, what);
    if (compiled.policy.version !== version) throw integrity(`${what} calls itself another version`);
    return { compiled, text: Buffer.from(envelope.payload).toString("utf8"), envelope };
  }

  /** YAML to decisions takes most of a second; the compiled form is kept by digest, which `parseCompiled` checks. */
  async #compile(text: Uint8Array, digest: string, what: string): Promise<CompiledPolicy> {
    const path = join(this.#cache, "policy", `${digest}.json`);
    const cached = await readLocal(path, COMPILED_BYTES_MAX).catch(() => undefined);
    const known = cached && parseCompiled(cached, digest);
    if (known) return known;
    const compiled = await compileText(text, digest, this.#now(), what);
    // A cache that cannot be written costs time only.
    await writeLocal(path, JSON.stringify(compiled)).catch(() => undefined);
    return compiled;
  }
}

/** @throws CloisterError INTEGRITY: versions are checked before they are signed */
async function compileText(text: Uint8Array, digest: string, now: number, what: string): Promise<CompiledPolicy> {
  const [{ readPolicy }, { compilePolicy }] = await Promise.all([
    import("../policy/read.ts"),
    import("../policy/compile.ts"),
  ]);
  const { policy, problems } = readPolicy(text, { now });
  if (!policy)
    throw integrity(`${what} cannot be read`, { why: problems.find((p) => p.severity === "error")?.message });
  return compilePolicy(policy, digest);
}
