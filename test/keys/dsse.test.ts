import { expect, test } from "vitest";
import { canonicalBytes } from "../../src/base/json.ts";
import { parseEnvelope, preAuthEncoding, signEnvelope, verifyEnvelope } from "../../src/keys/dsse.ts";
import { generateIdentity } from "../../src/keys/identity.ts";

const TYPE = "application/vnd.cloister.test+json";
const payload = Buffer.from('{"a":1}');
const identity = await generateIdentity();
const other = await generateIdentity();
const refused = expect.objectContaining({ code: "INTEGRITY" });

test("pre-authentication encoding is that of the published example (DSSE protocol.md)", () => {
  const encoded = preAuthEncoding("http://example.com/HelloWorld", Buffer.from("hello world"));
  expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  expect(preAuthEncoding("é", Buffer.of(0xff)).subarray(0, 14).toString()).toBe("DSSEv1 2 é 1 ");
});

test("verifies for the signer and nobody else", async () => {
  const envelope = parseEnvelope(await signEnvelope(TYPE, payload, identity), TYPE, "test object", 1000);
  expect(Buffer.from(envelope.payload).equals(payload)).toBe(true);
  expect(verifyEnvelope(envelope, identity.signs)).toBe(true);
  expect(verifyEnvelope(envelope, other.signs)).toBe(false);
});

test("no changed byte goes unnoticed, except in the keyid, which is only a hint", async () => {
  const bytes = Buffer.from(await signEnvelope(TYPE, payload, identity));
  const text = bytes.toString();
  const keyid = [text.indexOf('"keyid":"') + 9, text.indexOf('","sig"')] as const;
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i] = changed[i] === 0x31 ? 0x32 : 0x31;
    const verified = (() => {
      try {
        return verifyEnvelope(parseEnvelope(changed, TYPE, "test object", 1000), identity.signs);
      } catch (error) {
        expect(error).toEqual(refused);
        return false;
      }
    })();
    expect(verified).toBe(i >= keyid[0] && i < keyid[1]);
  }
});

test("a keyid that names somebody else's key proves nothing", async () => {
  const mine = JSON.parse(Buffer.from(await signEnvelope(TYPE, payload, identity)).toString());
  const theirs = JSON.parse(Buffer.from(await signEnvelope(TYPE, payload, other)).toString());
  mine.signatures[0].keyid = theirs.signatures[0].keyid;
  const envelope = parseEnvelope(canonicalBytes(mine), TYPE, "test object", 1000);
  expect(verifyEnvelope(envelope, other.signs)).toBe(false);
  expect(verifyEnvelope(envelope, identity.signs)).toBe(true);
});

test("refuses another type, other forms of JSON and base64, and too many signatures", async () => {
  const bytes = await signEnvelope(TYPE, payload, identity);
  const object = JSON.parse(Buffer.from(bytes).toString());
  const signature = object.signatures[0];
  const parse = (value: unknown) => () => parseEnvelope(canonicalBytes(value as never), TYPE, "test object", 10_000);
  expect(parse(object)).not.toThrow();
  expect(() => parseEnvelope(bytes, "another/type", "test object", 1000)).toThrow(refused);
  expect(() => parseEnvelope(bytes, TYPE, "test object", bytes.length - 1)).toThrow(refused);
  expect(() => parseEnvelope(Buffer.from(JSON.stringify(object, null, 1)), TYPE, "test object", 1000)).toThrow(refused);
  for (const wrong of [
    { ...object, payload: `${object.payload}=` },
    { ...object, payload: object.payload.replace("==", "") },
    { ...object, payload: `\n${object.payload}` },
    { ...object, extra: 1 },
    { ...object, signatures: [] },
    { ...object, signatures: Array(17).fill(signature) },
    { ...object, signatures: [{ ...signature, cert: "x" }] },
    { ...object, signatures: [{ ...signature, keyid: "x" }] },
    { ...object, signatures: [{ ...signature, sig: Buffer.alloc(73).toString("base64") }] },
    { ...object, signatures: [null] },
    [object],
    null,
  ]) {
    expect(parse(wrong)).toThrow(refused);
  }
  expect(parse({ ...object, signatures: Array(16).fill(signature) })).not.toThrow();
});
