import { generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { signLowS, toLowS, verifyLowS } from "../../src/keys/ecdsa.ts";

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });

/** A plain DER writer, independent of the one under test. */
function der(r: bigint, s: bigint): Buffer {
  const integer = (value: bigint) => {
    let hex = value.toString(16);
    if (hex.length % 2) hex = `0${hex}`;
    if (Number.parseInt(hex.slice(0, 2), 16) > 127) hex = `00${hex}`;
    return `02${(hex.length / 2).toString(16).padStart(2, "0")}${hex}`;
  };
  const body = integer(r) + integer(s);
  return Buffer.from(`30${(body.length / 2).toString(16).padStart(2, "0")}${body}`, "hex");
}

function halves(signature: Buffer): [bigint, bigint] {
  const rBytes = signature[3] ?? 0;
  const r = BigInt(`0x${signature.subarray(4, 4 + rBytes).toString("hex")}`);
  return [r, BigInt(`0x${signature.subarray(6 + rBytes).toString("hex")}`)];
}

test("signatures are low S, verify with plain OpenSSL, and their high-S twins are refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      const signature = signLowS(data, privateKey);
      const [r, s] = halves(signature);
      expect(s <= ORDER / 2n).toBe(true);
      expect(verify("sha256", data, publicKey, signature)).toBe(true);
      expect(verifyLowS(data, signature, publicKey)).toBe(true);
      const twin = der(r, ORDER - s);
      expect(verify("sha256", data, publicKey, twin)).toBe(true);
      expect(verifyLowS(data, twin, publicKey)).toBe(false);
    }),
    { numRuns: 300 },
  );
});

test("accepts exactly the low half of what OpenSSL signs", () => {
  const data = Buffer.from("data");
  let low = 0;
  for (let i = 0; i < 200; i++) {
    const signature = sign("sha256", data, privateKey);
    const [, s] = halves(signature);
    expect(verifyLowS(data, signature, publicKey)).toBe(s <= ORDER / 2n);
    if (s <= ORDER / 2n) low++;
  }
  expect(low).toBeGreaterThan(40);
  expect(low).toBeLessThan(160);
});

test("a signature with high S becomes its twin with low S; what is no signature becomes nothing", () => {
  const data = Buffer.from("data");
  const signature = signLowS(data, privateKey);
  const [r, s] = halves(signature);
  expect(toLowS(signature)).toEqual(signature);
  expect(toLowS(der(r, ORDER - s))).toEqual(signature);
  for (const wrong of [der(r, 0n), der(0n, s), der(ORDER, s), der(r, ORDER), signature.subarray(1), Buffer.alloc(0)]) {
    expect(toLowS(wrong)).toBeUndefined();
  }
});

test("every flipped bit, cut, and addition is refused", () => {
  const data = Buffer.from("data");
  const signature = signLowS(data, privateKey);
  for (let bit = 0; bit < signature.length * 8; bit++) {
    const changed = Buffer.from(signature);
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(verifyLowS(data, changed, publicKey)).toBe(false);
  }
  for (let end = 0; end < signature.length; end++) {
    expect(verifyLowS(data, signature.subarray(0, end), publicKey)).toBe(false);
  }
  expect(verifyLowS(data, Buffer.concat([signature, Buffer.of(0)]), publicKey)).toBe(false);
  expect(verifyLowS(Buffer.from("date"), signature, publicKey)).toBe(false);
});

test("zero and the group's order are no halves", () => {
  for (const [r, s] of [
    [0n, 1n],
    [1n, 0n],
    [ORDER, 1n],
    [ORDER + 1n, 1n],
  ] as const) {
    expect(verifyLowS(Buffer.of(), der(r, s), publicKey)).toBe(false);
  }
});
