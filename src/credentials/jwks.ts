// The keys that tokens are verified with (RFC 7517), and what a token signed by each of them may at most say.
import { keyIdOf, publicKeyOf } from "../keys/identity.ts";

/** What the policy in force lets a member's token say. */
export interface TokenCaps {
  readonly member: string;
  /** `p256:…`. */
  readonly signs: string;
  readonly roles: readonly {
    readonly role: string;
    /** Where the member holds it. */
    readonly domains: readonly string[];
    /** Undefined: every purpose of the project. */
    readonly purposes: readonly string[] | undefined;
    /** Longest life in ms. */
    readonly ttlMs: number;
  }[];
}

/** A public key in JWK form, with its member and the caps of its tokens in private members. */
export interface TokenKey {
  readonly kty: "EC";
  readonly crv: "P-256";
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly use: "sig";
  readonly alg: "ES256";
  readonly cloister: {
    readonly sub: string;
    readonly roles: readonly {
      readonly role: string;
      readonly domains: readonly string[];
      readonly purposes?: readonly string[];
      /** Seconds. */
      readonly ttl: number;
    }[];
  };
}

/**
 * One key for each member whose roles issue credentials. A member holds their key and could sign more than their roles
 * allow: whoever verifies a token compares it with `cloister` here.
 */
export function tokenKeys(caps: readonly TokenCaps[]): readonly TokenKey[] {
  return caps.map(({ member, signs, roles }) => {
    const { x = "", y = "" } = publicKeyOf(signs).export({ format: "jwk" });
    return {
      ...{ kty: "EC", crv: "P-256", x, y, kid: keyIdOf(signs), use: "sig", alg: "ES256" },
      cloister: {
        sub: member,
        roles: roles.map(({ role, domains, purposes, ttlMs }) => ({
          ...{ role, domains },
          ...(purposes === undefined ? {} : { purposes }),
          ttl: Math.floor(ttlMs / 1000),
        })),
      },
    } as const;
  });
}
