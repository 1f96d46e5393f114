// As much of a websocket client (RFC 6455) as a test needs that must choose its own headers: text frames under 64 KiB.
import { randomBytes } from "node:crypto";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";

export interface Channel {
  send(text: string): void;
  /** The next text that a test holds true for. @throws Error after 30 s */
  until(wanted: (text: string) => boolean): Promise<string>;
  close(): void;
}

/** Opens a websocket, or says with which status it was refused. */
export async function openChannel(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Channel | number> {
  const asking = request(url, {
    headers: {
      ...{ connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": "13" },
      ...{ "sec-websocket-key": randomBytes(16).toString("base64"), ...headers },
    },
  });
  return await new Promise((resolve, reject) => {
    asking.once("upgrade", (_response: IncomingMessage, socket: Socket, head: Buffer) =>
      resolve(channelOf(socket, head)),
    );
    asking.once("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    asking.once("error", reject);
    asking.end();
  });
}

function channelOf(socket: Socket, head: Buffer): Channel {
  let pending = head;
  const texts: string[] = [];
  let wake = (): void => {};
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = nextFrame(pending); frame; frame = nextFrame(pending)) {
      texts.push(frame.text);
      pending = frame.rest;
    }
    wake();
  });
  return {
    send: (text) => void socket.write(masked(Buffer.from(text))),
    until: async (wanted) => {
      const end = Date.now() + 30_000;
      for (;;) {
        const text = texts.shift();
        if (text !== undefined && wanted(text)) return text;
        if (Date.now() > end) throw new Error("nothing of the kind came");
        if (text === undefined) await Promise.race([new Promise<void>((resolve) => (wake = resolve)), later(1000)]);
      }
    },
    close: () => socket.destroy(),
  };
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function nextFrame(bytes: Buffer): { readonly text: string; readonly rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined;
  const short = (bytes[1] ?? 0) & 0x7f;
  const from = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < from) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < from + length) return undefined;
  return { text: bytes.subarray(from, from + length).toString("utf8"), rest: bytes.subarray(from + length) };
}

function masked(payload: Buffer): Buffer {
  const mask = randomBytes(4);
  const head =
    payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.from([0x81, 0x80 | 126, 0, 0]);
  if (payload.length >= 126) head.writeUInt16BE(payload.length, 2);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0))]);
}
