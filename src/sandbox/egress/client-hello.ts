// Reads the name of the server out of the first message of a TLS connection (RFC 8446, 4.1.2; RFC 6066, 3), whose author
// may be anybody: every length is checked against what there is, and what is not exactly one name is none.

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER = 5;
/** A message may be cut into records anywhere. Post-quantum key shares make it a few KiB. */
const HELLO_BYTES_MAX = 16 * 1024;
const RECORD_BYTES_MAX = 16 * 1024;
/** In whichever records: one byte in each would be six of them for each byte. */
export const HELLO_WIRE_BYTES_MAX = 64 * 1024;

/** What the bytes so far say. */
export type Hello =
  | { readonly state: "incomplete" }
  | { readonly state: "malformed" }
  /** `name` in lower case; undefined where there is none, or more than one. */
  | { readonly state: "complete"; readonly name: string | undefined };

/** Whether a connection that begins with this byte is TLS; no HTTP request begins so. */
export function isTls(firstByte: number | undefined): boolean {
  return firstByte === HANDSHAKE;
}

/** @param bytes all that the client has sent so far */
export function readHello(bytes: Buffer): Hello {
  try {
    const message = handshake(bytes);
    return message ? { state: "complete", name: serverName(message) } : { state: "incomplete" };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { state: "malformed" };
  }
}

/** The body of the ClientHello, or undefined where some of it is still to come. @throws RangeError */
function handshake(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  let at = 0;
  let have = 0;
  while (bytes.length - at >= RECORD_HEADER) {
    const length = bytes.readUInt16BE(at + 3);
    if (!isTls(bytes[at]) || bytes[at + 1] !== 3 || length === 0 || length > RECORD_BYTES_MAX) throw new RangeError();
    const part = bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    parts.push(part);
    have += part.length;
    at += RECORD_HEADER + length;
    if (have < 4) continue;
    const message = Buffer.concat(parts);
    const size = message.readUIntBE(1, 3);
    if (message[0] !== CLIENT_HELLO || size > HELLO_BYTES_MAX) throw new RangeError();
    if (message.length >= 4 + size) return message.subarray(4, 4 + size);
  }
  if (bytes.length > HELLO_WIRE_BYTES_MAX) throw new RangeError();
  return undefined;
}

function serverName(hello: Buffer): string | undefined {
  const body = new Cursor(hello);
  body.skip(2 + 32);
  body.skip(body.number(1));
  body.skip(body.number(2));
  body.skip(body.number(1));
  if (body.left === 0) return undefined;
  const extensions = body.part(body.number(2));
  const found: Buffer[] = [];
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const data = extensions.part(extensions.number(2));
    if (type === SERVER_NAME) found.push(data.rest());
  }
  const [only, second] = found;
  return only && !second ? hostName(only) : undefined;
}

function hostName(extension: Buffer): string | undefined {
  const list = new Cursor(extension);
  const names = list.part(list.number(2));
  if (list.left > 0 || names.number(1) !== HOST_NAME) return undefined;
  const name = names.part(names.number(2)).rest();
  // The form allows several names; no client sends two, and a server might take the other.
  return names.left > 0 ? undefined : name.toString("latin1").toLowerCase();
}

/** Takes bytes from the front. Everything throws RangeError where there are not enough. */
class Cursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  skip(count: number): void {
    if (count > this.left) throw new RangeError();
    this.#at += count;
  }

  number(size: 1 | 2): number {
    this.skip(size);
    return this.#bytes.readUIntBE(this.#at - size, size);
  }

  part(size: number): Cursor {
    this.skip(size);
    return new Cursor(this.#bytes.subarray(this.#at - size, this.#at));
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}
