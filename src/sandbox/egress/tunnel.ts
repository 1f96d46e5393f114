// TLS from a client in a workspace to the host it was allowed: passed on unread but for its first message, which has to
// name that host. Without that a shared address would serve whichever of its hosts the client asks for.
import type { Socket } from "node:net";
import { HelloReader } from "./client-hello.ts";
import { Refused, type Target } from "./target.ts";

/** Time for the first bytes of a connection, and for the whole of a ClientHello. */
export const HELLO_MS = 5000;

/** Fatal alerts (RFC 8446, 6.2): what a client can be told before there is a server. */
const ALERTS = { accessDenied: 49, internalError: 80 };

/** Ends a TLS connection that has no server, so that its client says something better than that it was cut off. */
export function endWithAlert(client: Socket, kind: keyof typeof ALERTS): void {
  client.end(Buffer.from([21, 3, 3, 0, 2, 2, ALERTS[kind]]));
  // It may never close its side.
  client.setTimeout(1000, () => client.destroy());
  client.resume();
}

/**
 * The ClientHello, once it names the target.
 *
 * @param first bytes that were read already
 * @throws Refused where it names another host or none, is malformed, or does not come in time
 */
export async function namedHello(client: Socket, first: Buffer, target: Target): Promise<Buffer> {
  const end = Date.now() + HELLO_MS;
  const reader = new HelloReader();
  const bytes = [first];
  for (let hello = reader.push(first); ; ) {
    if (hello.state === "malformed") throw new Refused("it is no TLS", target);
    if (hello.state === "complete") {
      if (hello.name === target.host) return Buffer.concat(bytes);
      throw new Refused(
        hello.name === undefined ? "its TLS names no host (SNI)" : "its TLS names another host",
        target,
      );
    }
    const more = await someBytes(client, end - Date.now());
    if (!more) throw new Refused(`its TLS does not begin within ${String(HELLO_MS / 1000)} s`, target);
    bytes.push(more);
    hello = reader.push(more);
  }
}

/** The next bytes, with the stream paused behind them; undefined where it ends, or none come in time. */
export function someBytes(stream: Socket, ms: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const done = (bytes?: Buffer): void => {
      clearTimeout(timer);
      stream.off("data", done).off("close", over).off("end", over);
      stream.pause();
      resolve(bytes);
    };
    const over = (): void => done();
    const timer = setTimeout(over, Math.max(0, ms));
    if (stream.destroyed || stream.readableEnded) return over();
    stream.on("data", done).on("close", over).on("end", over);
    stream.resume();
  });
}

/** Passes bytes on both ways until one side ends; then both are over. */
export function splice(client: Socket, server: Socket, first: Buffer): void {
  server.write(first);
  client.pipe(server);
  server.pipe(client);
  client.once("close", () => server.destroy());
  // With what it sent last.
  server.once("close", () => client.destroySoon());
}
