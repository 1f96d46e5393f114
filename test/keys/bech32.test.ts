import { generateX25519Identity, identityToRecipient } from "age-encryption";
import fc from "fast-check";
import { expect, test } from "vitest";
import { generateAge, isRecipient, isSecret, recipientOf } from "../../src/keys/age-key.ts";
import { decodeBech32, encodeBech32 } from "../../src/keys/bech32.ts";

const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

test("what is encoded decodes to the same bytes, and no other prefix takes it", () => {
  fc.assert(
    fc.property(key, (bytes) => {
      const text = encodeBech32("age", bytes);
      expect(decodeBech32("age", text)?.equals(bytes)).toBe(true);
      expect(decodeBech32("agf", text)).toBeUndefined();
    }),
  );
});

test("every single changed character is refused", () => {
  const text = encodeBech32("age", Buffer.alloc(32, 7));
  for (let i = 0; i < text.length; i++) {
    for (const char of "qp2bB1") {
      if (text[i] !== char) expect(decodeBech32("age", text.slice(0, i) + char + text.slice(i + 1))).toBeUndefined();
    }
  }
});

test("agrees with the age library in both directions", async () => {
  for (let i = 0; i < 20; i++) {
    const theirs = await generateX25519Identity();
    expect(recipientOf(theirs)).toBe(await identityToRecipient(theirs));
    const ours = generateAge();
    expect(recipientOf(ours)).toBe(await identityToRecipient(ours));
  }
});

test("a recipient has one form, and points of small order are none", () => {
  const recipient = recipientOf(generateAge());
  expect(isRecipient(recipient)).toBe(true);
  const zero = Buffer.alloc(32);
  const one = Buffer.from(zero).fill(1, 0, 1);
  // p + 9 is another way to write the base point 9; the top bit is ignored by X25519.
  const nine = Buffer.concat([Buffer.of(0xf6), Buffer.alloc(30, 0xff), Buffer.of(0x7f)]);
  const topBit = Buffer.concat([Buffer.of(9), Buffer.alloc(30), Buffer.of(0x80)]);
  for (const bytes of [zero, one, nine, topBit]) expect(isRecipient(encodeBech32("age", bytes))).toBe(false);
  const basePoint = Buffer.concat([Buffer.of(9), Buffer.alloc(31)]);
  expect(isRecipient(encodeBech32("age", basePoint))).toBe(true);
  for (const text of ["", "age1", recipient.toUpperCase(), `${recipient}q`, ` ${recipient}`, generateAge()]) {
    expect(isRecipient(text)).toBe(false);
  }
});

test("a secret key is upper case and of the X25519 kind", () => {
  const secret = generateAge();
  expect(isSecret(secret)).toBe(true);
  for (const text of [secret.toLowerCase(), `${secret}\n`, secret.replace("KEY-1", "KEY-PQ-1"), recipientOf(secret)]) {
    expect(isSecret(text)).toBe(false);
  }
});
