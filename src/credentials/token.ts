// The embedded provider: a JSON Web Token (RFC 7519) signed ES256 by the member's own key. It needs no server at all.
import { integrity } from "../base/errors.ts";
import { canonicalBytes } from "../base/json.ts";
import { rawSignature } from "../keys/ecdsa.ts";
import { type Identity, keyIdOf } from "../keys/identity.ts";
import type { Credential } from "./provider.ts";

/** Variable that hands a token to a program. */
export const TOKEN_VARIABLE = "CLOISTER_TOKEN";

/** Longest and shortest life, whatever a role allows. */
export const TOKEN_MS_MAX = 24 * 60 * 60_000;
export const TOKEN_MS_MIN = 60_000;

/** What a token says. */
export interface TokenClaims {
  /** Project id: the issuer. */
  readonly project: string;
  /** Member id: the subject. */
  readonly member: string;
  readonly role: string;
  readonly purpose: string | undefined;
  /** `domain/class` of the data that the decision was yes for: less than the role reaches, where rules or a workspace say so. */
  readonly places: readonly string[];
  /** What it was narrowed to; undefined: every domain of the places. */
  readonly domain: string | undefined;
  readonly readOnly: boolean;
  /** Random id of the workspace it was issued for. */
  readonly workspace: string | undefined;
  /** Who it is for. */
  readonly audience: string;
  /** Random id of the token, under which the log knows it. */
  readonly id: string;
  /** Ms since 1970. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/**
 * Signs a token. What is signed begins with `eyJ`, the base64url of `{"`, and a DSSE envelope's encoding with `DSSEv1`:
 * neither can be taken for the other.
 */
export async function issueToken(claims: TokenClaims, identity: Identity): Promise<Credential> {
  // The type is a token's own (RFC 8725, 3.11), so that no other kind of JWT passes for one.
  const header = { alg: "ES256", kid: keyIdOf(identity.signs), typ: TOKEN_TYPE };
  const expires = Math.floor(claims.expiresAtMs / 1000);
  const payload = {
    iss: claims.project,
    sub: claims.member,
    aud: claims.audience,
    jti: claims.id,
    iat: Math.floor(claims.issuedAtMs / 1000),
    nbf: Math.floor(claims.issuedAtMs / 1000),
    exp: expires,
    role: claims.role,
    purpose: claims.purpose,
    places: claims.places,
    domain: claims.domain,
    readOnly: claims.readOnly || undefined,
    workspace: claims.workspace,
  };
  const input = `${encoded(canonicalBytes(header))}.${encoded(canonicalBytes(payload))}`;
  const signature = rawSignature(await identity.sign(Buffer.from(input, "ascii")));
  if (!signature) throw integrity("the device's key gave a signature that is none");
  const token = `${input}.${encoded(signature)}`;
  return { provider: "token", expiresAtMs: expires * 1000, environment: { [TOKEN_VARIABLE]: token } };
}

/** The `typ` of the header. */
const TOKEN_TYPE = "cloister+jwt";

function encoded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
