// Where a client in a workspace wants to go, read from what it wrote and taken at its word only in one plain spelling:
// userinfo, brackets, percent signs, addresses in any notation and everything else that two readers could take for two
// places is refused before anybody else reads it.

/** A host by its name, in lower case, and a port. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What is refused, and why. */
export class Refused extends Error {
  override readonly name = "Refused";
  /** What was asked for, where it could be read. */
  readonly target: Target | undefined;
  /** For HTTP: 403 where it may not be, 502 where it may and cannot. */
  readonly status: 403 | 502;

  constructor(why: string, target?: Target, status: 403 | 502 = 403) {
    super(why);
    this.target = target;
    this.status = status;
  }
}

const HTTP_PORT = 80;
const AUTHORITY = /^([a-z0-9.-]{1,253})(?::(\d{1,5}))?$/i;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** inet_aton(3) takes 127.1, 0x7f.1, 017700000001 and 2130706433 for addresses. None has a name for its last part. */
const NUMBER = /^(?:0x[0-9a-f]*|\d+)$/;

/** The target of `CONNECT host:port`. @throws Refused */
export function connectTarget(requestTarget: string): Target {
  const [, host = "", port] = AUTHORITY.exec(requestTarget) ?? [];
  if (port === undefined) throw notPlain();
  return target(host, port);
}

/** The target of `GET http://host[:port]/…`. @throws Refused */
export function absoluteTarget(requestTarget: string): Target {
  const authority = /^http:\/\/([^/?#]*)[/?]?/i.exec(requestTarget)?.[1] ?? "";
  const [, host = "", port = String(HTTP_PORT)] = AUTHORITY.exec(authority) ?? [];
  return target(host, port);
}

/**
 * Holds the Host header against the target: exactly one, for the same host and port. Without it a server could be asked
 * for another of its hosts, and one of two could be read here and the other there.
 *
 * @param rawHeaders names and values in turn, as Node has them
 * @param required false for CONNECT, which older clients send without one
 * @throws Refused
 */
export function checkHost(rawHeaders: readonly string[], asked: Target, required: boolean): void {
  const hosts = rawHeaders.filter((_, at) => at % 2 === 1 && rawHeaders[at - 1]?.toLowerCase() === "host");
  const [host, second] = hosts.map((value) => value.toLowerCase());
  if (second !== undefined) throw new Refused("it has two Host headers", asked);
  if (host === undefined && !required) return;
  if (host !== asked.host && host !== `${asked.host}:${String(asked.port)}`) {
    throw new Refused("its Host header names another host", asked);
  }
}

function target(written: string, port: string): Target {
  const host = written.toLowerCase();
  const number = Number(port);
  const labels = host.split(".");
  if (number < 1 || number > 65_535 || !labels.every((label) => LABEL.test(label))) throw notPlain();
  const asked = { host, port: number };
  const last = labels.at(-1) ?? "";
  if (NUMBER.test(last)) throw new Refused("it is an address, and hosts are allowed by name", asked);
  if (last === "localhost") throw new Refused("localhost is the workspace itself", asked);
  return asked;
}

function notPlain(): Refused {
  return new Refused("it is no plain host name and port");
}
