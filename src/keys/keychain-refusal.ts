import { CloisterError } from "../base/errors.ts";
import { PACKAGE, PackageUnusable } from "./keychain.ts";
import type { KeychainKind } from "./secret-store.ts";

/**
 * What a keychain's own words become. Where the package through which something was stored has gone, the other one is no
 * way to it: the two do not see each other's items.
 *
 * @param what is kept there: `the identity of this device`
 */
export function keychainRefusal(error: unknown, kind: KeychainKind, what: string): CloisterError {
  const why = error instanceof Error ? error.message : undefined;
  if (error instanceof PackageUnusable) {
    return new CloisterError("NOT_AUTHENTICATED", `${what} cannot be had: ${error.message}`, {
      why: `it was stored through ${PACKAGE[kind]}, and no other package sees it`,
      next: `where cloister is installed: ${error.next}`,
    });
  }
  return new CloisterError("NOT_AUTHENTICATED", `the keychain does not give ${what}`, {
    why,
    next: "unlock the keychain of your desktop session, then try again; or run: cloister doctor",
  });
}
