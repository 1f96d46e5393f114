// Turns an allowed name into the addresses that are then connected to: nobody asks for the name a second time.
import { lookup } from "node:dns/promises";
import type { AddressCheck } from "./address.ts";
import { Refused, type Target } from "./target.ts";

const RESOLVE_MS = 10_000;

/** All addresses of a name; the system's resolver, where tests do not stand in for it. */
export type Resolver = (host: string) => Promise<readonly string[]>;

export const systemResolver: Resolver = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

/**
 * The addresses that may be connected to, in the resolver's order; where it names others besides, those are left out.
 *
 * @throws Refused where none may, or there is none
 */
export async function permittedAddresses(
  asked: Target,
  resolver: Resolver,
  permitted: AddressCheck,
): Promise<readonly string[]> {
  const found = await within(RESOLVE_MS, resolver(asked.host)).catch(() => undefined);
  if (!found || found.length === 0) throw new Refused("its address cannot be found", asked, 502);
  const addresses = found.filter(permitted);
  if (addresses.length > 0) return addresses;
  throw new Refused(
    `it has the address ${found[0] ?? ""}, which is not public and in no private network allowed`,
    asked,
  );
}

/** getaddrinfo(3) cannot be stopped; it is not waited for. */
function within<T>(ms: number, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("too slow")), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
