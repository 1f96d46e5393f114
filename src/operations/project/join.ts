// Joining a project: a folder that points at the store, an identity, and one line to hand to the steward.
import { resolve } from "node:path";
import { CloisterError, integrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { checkName, NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { type Envelope, parseEnvelope, signEnvelope, verifyEnvelope } from "../../keys/dsse.ts";
import {
  checkReads,
  checkSigns,
  fingerprint,
  type Identity,
  keyIdOf,
  type PublicIdentity,
} from "../../keys/identity.ts";
import { createIdentity, readPublicIdentity, unlockIdentity } from "../../keys/keyring.ts";
import type { Store } from "../../store/store.ts";
import { findConfig, type ProjectConfig, writeConfig } from "../config.ts";
import { holderOf } from "../devices.ts";
import type { Host } from "../host.ts";
import { openStore, storeConfigFor } from "../open-store.ts";
import { identityPlaces } from "../places.ts";
import { connect, readStoreObject } from "../session.ts";
import type { Joined, JoinLine, JoinOptions } from "../types.ts";

const JOIN_TYPE = "application/vnd.cloister.join.v1+json";
const JOIN_BYTES_MAX = 8 * 1024;
const PREFIX = "cloister-join-1.";

/** What a join line carries: who asks to be added, for which project, with proof of the signing key. */
export interface JoinClaim extends PublicIdentity {
  readonly project: string;
  /** SHA-256 of policy version 1, as the joiner saw it. */
  readonly pin: string;
  readonly member: string;
  readonly name: string;
}

/**
 * Points a folder at a store and prints the line for its steward. A folder that does so already keeps its pin.
 * @throws CloisterError NOT_FOUND (no store), INTEGRITY (another policy than expected), USAGE
 */
export async function join(host: Host, options: JoinOptions): Promise<Joined> {
  const member = checkName(options.member, "member id");
  const folder = resolve(host.cwd, options.folder);
  const config = await configFor(host, folder, options);
  const session = connect(host, config, await openStore(host, config));
  await session.begin();
  await session.sync();
  const places = identityPlaces(host, options.signingKey);
  const identity = (await readPublicIdentity(places)) ? await unlockIdentity(places) : await createIdentity(places);
  for (const warning of identity.warnings) host.notice(warning);
  await writeConfig(config);
  const { compiled } = await session.policy();
  const known = holderOf(compiled.policy, keyIdOf(identity.signs))?.member;
  return {
    folder,
    store: options.store,
    project: compiled.policy.project,
    projectId: config.project,
    policyFingerprint: config.pin,
    policyVersion: compiled.policy.version,
    fingerprint: fingerprint(identity),
    identityStorage: (await readPublicIdentity(places))?.storage ?? "",
    line: await writeLine(
      { project: config.project, pin: config.pin, member, name: options.name, ...halves(identity) },
      identity,
    ),
    member: known?.id,
  };
}

function halves({ signs, reads }: PublicIdentity): PublicIdentity {
  return { signs, reads };
}

async function configFor(host: Host, folder: string, options: JoinOptions): Promise<ProjectConfig> {
  const existing = await findConfig(folder);
  const draft = { folder, ...storeConfigFor(host, folder, options) };
  const store = await openStore(host, draft);
  const project = await readStoreObject(store);
  if (project === undefined) {
    throw new CloisterError("NOT_FOUND", `there is no Cloister store at ${store.url}`, {
      next: "ask the project's steward where it is",
    });
  }
  const pin = existing?.folder === folder ? existing.pin : await firstPolicy(store, options.expectPolicy);
  if (existing?.folder === folder && existing.project !== project) {
    throw new CloisterError("USAGE", `${folder} belongs to another project`, { next: "choose another folder" });
  }
  if (options.expectPolicy !== undefined && !matches(pin, options.expectPolicy)) {
    throw integrity("the store shows another policy than you expect", {
      why: `expected ${options.expectPolicy}, found ${pin}`,
      next: "compare with the steward again; do not use this store if it differs",
    });
  }
  return { ...draft, project, pin };
}

/** The steward may read out only the first digits. */
function matches(pin: string, expected: string): boolean {
  const digits = expected
    .toLowerCase()
    .replace(/^sha256:/, "")
    .replaceAll(/[\s-]/g, "");
  return digits.length >= 16 && pin.startsWith(digits);
}

/** Trust on first use: the digest of version 1, which the two people compare. Several would be several roots of trust. */
async function firstPolicy(store: Store, expected: string | undefined): Promise<string> {
  const found: string[] = [];
  for await (const { name } of store.list("policy/")) {
    const digest = /^policy\/00000001-([0-9a-f]{64})$/.exec(name)?.[1];
    if (digest) found.push(digest);
  }
  const fitting = expected === undefined ? found : found.filter((digest) => matches(digest, expected));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  throw integrity(found.length === 0 ? "the store has no policy" : "the store has no single first policy", {
    why: fitting.length > 1 ? "somebody put a second one there" : undefined,
    next: "ask the steward for the policy fingerprint and pass it: --expect FINGERPRINT",
  });
}

async function writeLine(claim: JoinClaim, identity: Identity): Promise<string> {
  const envelope = await signEnvelope(JOIN_TYPE, canonicalBytes({ v: 1, ...claim }), identity);
  return PREFIX + Buffer.from(envelope).toString("base64url");
}

/** A line that was cut or wrapped on its way is a mistake, not an attack. */
function openLine(encoded: string, what: string): { envelope: Envelope; fields: Fields } {
  try {
    const envelope = parseEnvelope(Buffer.from(encoded, "base64url"), JOIN_TYPE, what, JOIN_BYTES_MAX);
    return { envelope, fields: new Fields(parseCanonical(envelope.payload, what, JOIN_BYTES_MAX), what) };
  } catch (cause) {
    throw new CloisterError("USAGE", "the join line is not whole", {
      why: "a part of it is missing, or something was added",
      next: "copy all of it again, in one line and in quotes",
      cause,
    });
  }
}

/**
 * Reads a join line: whole, and signed with the key it names.
 * @throws CloisterError USAGE where it is no join line, INTEGRITY where it was changed
 */
export function readClaim(line: string): JoinClaim {
  const text = line.trim();
  if (!text.startsWith(PREFIX) || !/^[A-Za-z0-9_-]+$/.test(text.slice(PREFIX.length))) {
    throw new CloisterError("USAGE", "this is no join line", {
      why: `it does not start with ${PREFIX}`,
      next: "the joiner gets it from: cloister join STORE",
    });
  }
  const what = "join line";
  const { envelope, fields } = openLine(text.slice(PREFIX.length), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const claim: JoinClaim = {
    project: fields.string("project", ID),
    pin: fields.string("pin", SHA256),
    member: fields.string("member", NAME),
    name: fields.string("name", /^[^\p{Cc}]{1,100}$/u),
    signs: fields.string("signs"),
    reads: fields.string("reads"),
  };
  fields.end();
  if (!checkSigns(claim.signs) || !checkReads(claim.reads) || !verifyEnvelope(envelope, claim.signs)) {
    throw integrity("the join line was changed on its way", { next: "ask the joiner for it again" });
  }
  return claim;
}

/** What a join line says, for the person who is to confirm it. @throws CloisterError USAGE, INTEGRITY */
export function readJoinLine(line: string): JoinLine {
  const claim = readClaim(line);
  return { member: claim.member, name: claim.name, fingerprint: fingerprint(claim) };
}
