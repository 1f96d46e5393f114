// Connects to addresses that were checked, and to nothing else.
import { connect, type Socket } from "node:net";

const CONNECT_MS = 10_000;
/** For whichever side is silent: long answers are prepared in less. */
export const IDLE_MS = 10 * 60_000;

/** Tries the addresses in turn. @throws Error of the last one */
export async function dial(addresses: readonly string[], port: number): Promise<Socket> {
  let last: unknown = new Error("no address");
  for (const address of addresses) {
    try {
      return await dialOne(address, port);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function dialOne(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error("it does not answer")));
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // Whoever uses the socket hears of its end by `close`.
      socket.on("error", () => undefined);
      socket.removeAllListeners("timeout");
      socket.setTimeout(IDLE_MS, () => socket.destroy());
      resolve(socket);
    });
  });
}
