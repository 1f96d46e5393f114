// The join line: who asks to be added, for which project, signed with the key that it names.
import { CloisterError, integrity } from "../../base/errors.ts";
import { canonicalBytes, parseCanonical } from "../../base/json.ts";
import { NAME } from "../../base/name.ts";
import { Fields, ID, SHA256 } from "../../base/record.ts";
import { type Envelope, parseEnvelope, signEnvelope, verifyEnvelope } from "../../keys/dsse.ts";
import { checkReads, checkSigns, fingerprint, type Identity, type PublicIdentity } from "../../keys/identity.ts";
import type { JoinLine } from "../types.ts";

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

/** The line for a claim. */
export async function writeLine(claim: JoinClaim, identity: Identity): Promise<string> {
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
