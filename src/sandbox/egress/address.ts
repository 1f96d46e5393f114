// Which addresses a name may turn out to have. Who runs a name's DNS chooses them, and that may be an attacker: what only
// this machine or its own network can reach is not for a workspace, unless the policy names the network.
import type { IPv4, IPv6 } from "ipaddr.js";

/**
 * Where clouds hand out the machine's own credentials and settings, whatever a policy says: link-local addresses, and
 * those that stand elsewhere (Alibaba, Oracle, Azure, AWS and Google over IPv6). Then what is no destination at all.
 */
const NEVER = [
  ...["169.254.0.0/16", "fe80::/10", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"],
  ...["fd00:ec2::/32", "fd20:ce::254/128"],
  ...["0.0.0.0/8", "255.255.255.255/32", "224.0.0.0/4", "::/128", "ff00::/8"],
];
/** IPv6 that leads to an IPv4 address: NAT64 (RFC 6052) in its last four bytes, 6to4 (RFC 3056) behind its first two. */
const TRANSLATED = [
  { network: "64:ff9b::/96", at: 12 },
  { network: "2002::/16", at: 2 },
];
/** All that is given out to be reached from everywhere (RFC 4291, 2.4). */
const GLOBAL_IPV6 = "2000::/3";

/** Whether an address, as a resolver wrote it, may be connected to. */
export type AddressCheck = (address: string) => boolean;

/** @param privateNetworks CIDRs that are allowed beyond public unicast addresses */
export async function addressCheck(privateNetworks: readonly string[]): Promise<AddressCheck> {
  const { default: ipaddr } = await import("ipaddr.js");
  const within = (ip: IPv4 | IPv6, network: string): boolean => {
    const [base, bits] = ipaddr.parseCIDR(network);
    return ip.kind() === base.kind() && ip.match([base, bits] as [IPv4, number] & [IPv6, number]);
  };
  const isPublic = (ip: IPv4 | IPv6): boolean =>
    ip.range() === "unicast" && (ip.kind() === "ipv4" || within(ip, GLOBAL_IPV6));
  return (address) => {
    // A zone (fe80::1%eth0) is a link-local address; an IPv4 address in IPv6 clothes is taken out of them.
    if (address.includes("%") || !ipaddr.isValid(address)) return false;
    const ip = ipaddr.process(address);
    const meant = [ip];
    for (const { network, at } of TRANSLATED) {
      if (within(ip, network)) meant.push(ipaddr.fromByteArray(ip.toByteArray().slice(at, at + 4)));
    }
    if (meant.some((one) => NEVER.some((network) => within(one, network)))) return false;
    return isPublic(ip) || privateNetworks.some((network) => within(ip, network));
  };
}
