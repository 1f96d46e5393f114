// The reader of a message whose author may be anybody.
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { HelloReader } from "../../../src/sandbox/egress/client-hello.ts";
import { helloFor } from "./rig.ts";

const readHello = (bytes: Buffer) => new HelloReader().push(bytes);

describe("the name in a ClientHello", () => {
  let hello: Buffer;
  beforeAll(async () => {
    hello = await helloFor("Good.TEST");
  });

  /** The same message with another server_name extension, and all lengths as they have to be. */
  function withExtension(change: (data: Buffer) => readonly Buffer[]): Buffer {
    const [number, bytes] = [(size: number, of: number) => Buffer.from([of >> 8, of & 255]).subarray(2 - size), hello];
    let at = 5 + 4 + 2 + 32;
    at += 1 + (bytes[at] ?? 0);
    at += 2 + bytes.readUInt16BE(at);
    at += 1 + (bytes[at] ?? 0);
    const start = at;
    const extensions: Buffer[] = [];
    for (at += 2; at < bytes.length; ) {
      const length = bytes.readUInt16BE(at + 2);
      const data = bytes.subarray(at + 4, at + 4 + length);
      const replaced = bytes.readUInt16BE(at) === 0 ? change(data) : [data];
      const type = bytes.subarray(at, at + 2);
      extensions.push(...replaced.map((one) => Buffer.concat([type, number(2, one.length), one])));
      at += 4 + length;
    }
    const all = Buffer.concat(extensions);
    const body = Buffer.concat([bytes.subarray(9, start), number(2, all.length), all]);
    const message = Buffer.concat([Buffer.from([1, 0]), number(2, body.length), body]);
    return Buffer.concat([Buffer.from([22, 3, 1]), number(2, message.length), message]);
  }

  test("is found in lower case, whatever follows", () => {
    const found = { state: "complete", name: "good.test" };
    expect(readHello(hello)).toEqual(found);
    expect(readHello(Buffer.concat([hello, Buffer.from("more")]))).toEqual(found);
    expect(readHello(withExtension((data) => [data]))).toEqual(found);
  });

  test("is waited for as long as any byte of the message is missing", () => {
    const reader = new HelloReader();
    for (const byte of hello.subarray(0, -1)) expect(reader.push(Buffer.from([byte])).state).toBe("incomplete");
    expect(reader.push(hello.subarray(-1))).toEqual({ state: "complete", name: "good.test" });
    for (let length = 0; length < hello.length; length++) {
      expect(readHello(hello.subarray(0, length))).toEqual({ state: "incomplete" });
    }
  });

  test("is none where there are two extensions, two names, none, or a name of another kind", () => {
    const none = { state: "complete", name: undefined };
    const second = Buffer.concat([Buffer.from([0, 0, 8]), Buffer.from("bad.test")]);
    expect(readHello(withExtension((data) => [data, data]))).toEqual(none);
    expect(readHello(withExtension(() => []))).toEqual(none);
    const two = (data: Buffer) => {
      const names = Buffer.concat([data.subarray(2), second]);
      return [Buffer.concat([Buffer.from([0, names.length]), names])];
    };
    expect(readHello(withExtension(two))).toEqual(none);
    expect(readHello(withExtension((data) => [Buffer.concat([data, Buffer.from([0])])]))).toEqual(none);
    const kind = (data: Buffer) => [Buffer.concat([data.subarray(0, 2), Buffer.from([1]), data.subarray(3)])];
    expect(readHello(withExtension(kind))).toEqual(none);
  });

  test("is not looked for in what is no TLS, nor without end", () => {
    const malformed = { state: "malformed" };
    expect(readHello(Buffer.from("GET / HTTP/1.1\r\n"))).toEqual(malformed);
    expect(readHello(Buffer.from([22, 3, 1, 0, 0]))).toEqual(malformed);
    expect(readHello(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]))).toEqual(malformed);
    expect(readHello(Buffer.from([22, 3, 1, 0, 4, 1, 255, 255, 255]))).toEqual(malformed);
    // A message of 16,128 bytes, each in a record of its own.
    const drips = Array.from({ length: 20_000 }, (_, at) => [22, 3, 1, 0, 1, [1, 0, 63][at] ?? 0]).flat();
    expect(readHello(Buffer.from(drips.slice(0, 60_000)))).toEqual({ state: "incomplete" });
    expect(readHello(Buffer.from(drips.slice(0, 66_000)))).toEqual(malformed);
    // Each byte is looked at once, however small the pieces are.
    const reader = new HelloReader();
    const began = Date.now();
    for (const byte of drips.slice(0, 60_000)) reader.push(Buffer.from([byte]));
    expect(Date.now() - began).toBeLessThan(2000);
  });

  test("is never another one for bytes that were changed, and nothing throws", () => {
    const changes = fc.array(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) }), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat(), (edits, length) => {
        const bytes = Buffer.from(hello);
        for (const { at, to } of edits) bytes[at % bytes.length] = to;
        const cut = bytes.subarray(0, bytes.length - (length % 3));
        expect(["complete", "incomplete", "malformed"]).toContain(readHello(cut).state);
      }),
      { numRuns: 2000 },
    );
  });
});
