// Hosts and folders as the policy and the flags write them, in the one form that is compared.
import { isIP } from "node:net";

/** Port of `host` alone: what a workspace reaches is TLS unless it is said otherwise. */
const PORT_DEFAULT = 443;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** Names only: an address in any spelling (0x7f.1, 2130706433) ends in a label of digits. */
const ENTRY = new RegExp(`^(\\*\\.)?((?:${LABEL}\\.)*${LABEL})(?::(\\d{1,5}))?$`);

/** `host:port` or `*.domain:port` in lower case, or undefined for anything else; addresses are not names. */
export function portEntry(text: string): string | undefined {
  const match = ENTRY.exec(text.toLowerCase());
  const [, wild = "", host = "", port = String(PORT_DEFAULT)] = match ?? [];
  const number = Number(port);
  if (!match || host.length > 253 || number < 1 || number > 65_535) return undefined;
  // The whole Internet under one star is no list.
  if (wild !== "" && !host.includes(".")) return undefined;
  const last = host.split(".").at(-1) ?? "";
  // In a workspace localhost is the workspace.
  if (isIP(host) !== 0 || last === "localhost" || /^(0x[0-9a-f]*|\d+)$/.test(last)) return undefined;
  return `${wild}${host}:${String(number)}`;
}

/** Whether an entry of the policy covers what is asked for: the same, or a star that stands for it. */
export function coversHost(entry: string, asked: string): boolean {
  return entry === asked || (entry.startsWith("*.") && asked.endsWith(entry.slice(1)));
}

/** A CIDR, or undefined. Link-local addresses, where clouds keep their metadata, cannot be allowed. */
export function privateNetwork(text: string): string | undefined {
  const [address = "", bits = "", ...rest] = text.split("/");
  const version = address.includes("%") ? 0 : isIP(address);
  const most = version === 4 ? 32 : 128;
  if (version === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) return undefined;
  // Wide enough for a company, too narrow to hold everything.
  if (Number(bits) < (version === 4 ? 8 : 16)) return undefined;
  if (/^169\.254\.|^fe[89ab]|^::/i.test(address) && address !== "::1") return undefined;
  return text.toLowerCase();
}

/** Whether a private network holds addresses of the machine itself, where services listen that trust it. */
export function isLoopback(network: string): boolean {
  return /^(127\.|::1\/)/.test(network);
}

/** An absolute path in its only spelling, or undefined; the root is no folder to show. */
export function pathEntry(text: string): string | undefined {
  const parts = text.split("/").slice(1);
  const plain = text.startsWith("/") && parts.every((part) => part !== "" && part !== "." && part !== "..");
  return plain && !text.includes("\0") && text.length <= 4096 ? text : undefined;
}

/** Whether an entry of the policy covers a folder: the same, or one above it. */
export function coversPath(entry: string, asked: string): boolean {
  return asked === entry || asked.startsWith(`${entry}/`);
}
