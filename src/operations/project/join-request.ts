// A join request: what a join line says, filed in the store by somebody who is no member yet, with proof of both keys.
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError, integrity, isIntegrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { parseEnvelope, signEnvelope, verifyEnvelope } from "../../keys/dsse.ts";
import { deviceIdOf, type Identity } from "../../keys/identity.ts";
import { checkPossession, provePossession } from "../../keys/possession.ts";
import type { Policy } from "../../policy/schema.ts";
import type { Session } from "../session.ts";
import { type JoinClaim, readClaim } from "./join-line.ts";
import { JOINS } from "./join-place.ts";

const TYPE = "application/vnd.cloister.join-request.v1+json";
const BYTES_MAX = 48 * 1024;
/** Objects that are looked at: everybody who can write to the store can file any number of them. */
const READ_MAX = 100;
const LISTED_MAX = 2000;
/** Devices that the possession of the reading key is proven to. */
const VERIFIERS_MAX = 64;

export interface JoinRequest {
  /** SHA-256 of the payload. */
  readonly hash: string;
  readonly claim: JoinClaim;
  readonly line: string;
  /** Member whose further device it is; undefined for a new person. */
  readonly deviceOf: string | undefined;
  /** The invitation that it answers, as its line. */
  readonly invitation: string | undefined;
  /** Tags by the id of the device that can check them. */
  readonly proofs: ReadonlyMap<string, string>;
}

/** `j-` and the first digits of the hash. */
export function joinId({ hash }: Pick<JoinRequest, "hash">): string {
  return `j-${hash.slice(0, 8)}`;
}

/**
 * Files a request, once for the same keys and name.
 * @returns undefined where this device may not write to the store: the line does as well
 */
export async function fileJoinRequest(
  session: Session,
  identity: Identity,
  { line, deviceOf, invitation }: Pick<JoinRequest, "line" | "deviceOf" | "invitation">,
): Promise<string | undefined> {
  const claim = readClaim(line);
  const same = (other: JoinRequest) =>
    other.deviceOf === deviceOf &&
    (["project", "pin", "member", "name", "signs", "reads"] as const).every((key) => other.claim[key] === claim[key]);
  const filed = (await filedRequests(session)).find(same);
  if (filed) return joinId(filed);
  const { policy } = (await session.policy()).compiled;
  const proofs = verifiersIn(policy).map((verifier) => {
    return { device: deviceIdOf(verifier), tag: provePossession(identity.ageSecret, verifier, line) };
  });
  const payload = canonicalBytes({ v: 1, line, deviceOf, invitation, proofs });
  const bytes = await signEnvelope(TYPE, payload, identity);
  const hash = sha256Hex(payload);
  try {
    await session.store.create(`${JOINS}${hash}`, [bytes]);
  } catch (error) {
    if (!(error instanceof CloisterError)) throw error;
    session.host.notice(`the join request could not be filed (${error.message}): hand over the line`);
    return undefined;
  }
  return joinId({ hash });
}

/** Nothing where this device may not look: whoever joins a bucket may read what shows the project, and no more. */
async function filedRequests(session: Session): Promise<readonly JoinRequest[]> {
  try {
    return (await joinRequests(session)).requests;
  } catch (error) {
    if (error instanceof CloisterError && error.code === "FAILURE") return [];
    throw error;
  }
}

/** Devices of everybody who may add members. */
function verifiersIn({ members, roles }: Policy): readonly string[] {
  const adders = new Set(roles.filter(({ can }) => can.includes("member.add")).map(({ id }) => id));
  return members
    .filter(({ suspended, roles: held }) => suspended === undefined && held.some(({ role }) => adders.has(role)))
    .flatMap(({ devices }) => devices.map(({ reads }) => reads))
    .slice(0, VERIFIERS_MAX);
}

/** What was filed for this project, by name of the object, and how many objects are none. */
export async function joinRequests(
  session: Session,
): Promise<{ readonly requests: readonly JoinRequest[]; readonly junk: number }> {
  const requests: JoinRequest[] = [];
  let [listed, junk] = [0, 0];
  for await (const { name, bytes } of session.store.list(JOINS)) {
    if (++listed > LISTED_MAX) break;
    const hash = name.slice(JOINS.length);
    if (!SHA256.test(hash) || bytes > BYTES_MAX || requests.length >= READ_MAX || listed - requests.length > READ_MAX)
      junk++;
    else {
      const request = await readOne(session, hash);
      if (request) requests.push(request);
      else junk++;
    }
  }
  return { requests, junk };
}

async function readOne(session: Session, hash: string): Promise<JoinRequest | undefined> {
  try {
    const bytes = await session.store.get(`${JOINS}${hash}`, BYTES_MAX);
    const request = bytes && decode(bytes);
    const { project, pin } = session.config;
    const isOurs = request?.hash === hash && request.claim.project === project && request.claim.pin === pin;
    return isOurs ? request : undefined;
  } catch (error) {
    // Whoever can write to the store writes what they like.
    if (isIntegrity(error) || (error instanceof CloisterError && error.code === "USAGE")) return undefined;
    throw error;
  }
}

function decode(bytes: Uint8Array): JoinRequest {
  const what = "join request";
  const envelope = parseEnvelope(bytes, TYPE, what, BYTES_MAX);
  const fields = new Fields(parseCanonical(envelope.payload, what, BYTES_MAX), what);
  if (fields.integer("v") !== 1) throw integrity(`unknown version of a ${what}`);
  const line = fields.string("line");
  const deviceOf = fields.has("deviceOf") ? fields.string("deviceOf", NAME) : undefined;
  const invitation = fields.has("invitation") ? fields.string("invitation") : undefined;
  const proofs = fields.list("proofs").map((item): readonly [string, string] => {
    const proof = new Fields(item, what);
    const pair = [proof.string("device", ID), proof.string("tag", SHA256)] as const;
    proof.end();
    return pair;
  });
  fields.end();
  const claim = readClaim(line);
  if (proofs.length > VERIFIERS_MAX || !verifyEnvelope(envelope, claim.signs)) throw integrity(`malformed ${what}`);
  return { hash: sha256Hex(envelope.payload), claim, line, deviceOf, invitation, proofs: new Map(proofs) };
}

/**
 * Whether whoever filed it holds the reading key that it names: `unknown` where it was not proven to this device, which was
 * not one of those that could add members then.
 */
export async function possessionOf(session: Session, request: JoinRequest): Promise<"proven" | "unknown" | "forged"> {
  const { ageSecret, reads } = await session.identity();
  const proof = request.proofs.get(deviceIdOf(reads));
  if (proof === undefined) return "unknown";
  return checkPossession(ageSecret, request.claim.reads, request.line, proof) ? "proven" : "forged";
}

export async function removeJoinRequest(session: Session, { hash }: JoinRequest): Promise<void> {
  await session.store.delete(`${JOINS}${hash}`);
}
