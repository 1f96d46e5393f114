// Reads the name of the server out of the first message of a TLS connection (RFC 8446, 4.1.2; RFC 6066, 3), whose author
// may be anybody: every length is checked against what there is, and what is not exactly one name is none.

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const RECORD_HEADER = 5;
const RECORD_BYTES_MAX = 16 * 1024;
/** Type and length. */
const MESSAGE_HEADER = 4;
/** Post-quantum key shares make it a few KiB. */
const MESSAGE_BYTES_MAX = 16 * 1024;
/** With the headers of its records, of which there may be one for each byte. */
const WIRE_BYTES_MAX = 64 * 1024;

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

/** Takes a message as it comes, in pieces of any size, and looks at each byte once. */
export class HelloReader {
  readonly #record = Buffer.alloc(RECORD_HEADER);
  #recordHas = 0;
  /** Bytes of the current record that are still to come. */
  #left = 0;
  readonly #message = Buffer.alloc(MESSAGE_HEADER + MESSAGE_BYTES_MAX);
  #has = 0;
  #wire = 0;

  /** What all bytes so far say. To be called no more once that is not `incomplete`. */
  push(bytes: Buffer): Hello {
    try {
      let rest = bytes;
      while (rest.length > 0 && this.#has < this.#size()) {
        const taken = this.#left > 0 ? this.#takeMessage(rest) : this.#takeHeader(rest);
        this.#wire += taken;
        rest = rest.subarray(taken);
      }
      const size = this.#size();
      if (this.#has >= size) {
        return { state: "complete", name: serverName(this.#message.subarray(MESSAGE_HEADER, size)) };
      }
      return { state: this.#wire > WIRE_BYTES_MAX ? "malformed" : "incomplete" };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return { state: "malformed" };
    }
  }

  /** Of the whole message, as far as it is known. @throws RangeError where it is another one, or too large */
  #size(): number {
    if (this.#has < MESSAGE_HEADER) return MESSAGE_HEADER;
    const size = MESSAGE_HEADER + this.#message.readUIntBE(1, 3);
    if (this.#message[0] !== CLIENT_HELLO || size > this.#message.length) throw new RangeError();
    return size;
  }

  #takeMessage(bytes: Buffer): number {
    const taken = bytes.copy(this.#message, this.#has, 0, Math.min(this.#left, this.#size() - this.#has));
    this.#has += taken;
    this.#left -= taken;
    return taken;
  }

  #takeHeader(bytes: Buffer): number {
    const taken = bytes.copy(this.#record, this.#recordHas);
    this.#recordHas += taken;
    if (this.#recordHas < RECORD_HEADER) return taken;
    this.#recordHas = 0;
    this.#left = this.#record.readUInt16BE(3);
    const [type, major] = this.#record;
    if (!isTls(type) || major !== 3 || this.#left === 0 || this.#left > RECORD_BYTES_MAX) throw new RangeError();
    return taken;
  }
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
