import { createHash, createPublicKey, verify } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import {
  checkReads,
  checkSigns,
  deviceIdOf,
  fingerprint,
  generateIdentity,
  keyIdOf,
  parseIdentity,
  publicKeyOf,
  publicKeyPem,
  serialiseIdentity,
} from "../../src/keys/identity.ts";

test("an identity comes out of its document as it went in, and signs for its public half", async () => {
  const identity = await generateIdentity();
  const again = parseIdentity(serialiseIdentity(identity));
  expect([again.signs, again.reads, again.ageSecret]).toEqual([identity.signs, identity.reads, identity.ageSecret]);
  const data = Buffer.from("data");
  expect(verify("sha256", data, publicKeyPem(identity.signs), await again.sign(data))).toBe(true);
  expect(checkSigns(identity.signs) && checkReads(identity.reads)).toBe(true);
});

test("secrets do not show when an identity is printed", async () => {
  const identity = await generateIdentity();
  const shown = inspect(identity, { depth: 9, showHidden: true }) + JSON.stringify(identity);
  const { signing } = JSON.parse(serialiseIdentity(identity)) as { signing: string };
  expect(shown).toContain(identity.signs);
  expect(shown).not.toContain(identity.ageSecret);
  expect(shown).not.toContain(signing);
});

test("a changed document is refused, and the error does not hold it", async () => {
  const document = serialiseIdentity(await generateIdentity());
  const members = JSON.parse(document) as Record<string, string>;
  const bad = [
    "",
    "null",
    document.slice(0, -1),
    `${document}\n`,
    document.replace("-1", '-1"'),
    JSON.stringify({ ...members, cloister: "identity@2" }),
    JSON.stringify({ ...members, signing: "A".repeat(43) }),
    JSON.stringify({ ...members, reading: (members["reading"] ?? "").replace(/.$/, "B") }),
    JSON.stringify({ ...members, x: "1" }),
  ];
  for (const text of bad) {
    const error = (() => {
      try {
        return parseIdentity(text);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toMatchObject({ code: "INTEGRITY" });
    expect(inspect(error, { depth: 9 })).not.toContain((members["reading"] ?? "").slice(16, 20));
  }
});

test("keyid is the SHA-256 of the PEM text, and the PEM is what Node writes for the key", async () => {
  const { signs } = await generateIdentity();
  const pem = publicKeyPem(signs);
  expect(pem.endsWith("-----END PUBLIC KEY-----\n")).toBe(true);
  expect(createPublicKey(pem).equals(publicKeyOf(signs))).toBe(true);
  expect(keyIdOf(signs)).toBe(createHash("sha256").update(pem).digest("hex"));
  expect(publicKeyOf(signs)).toBe(publicKeyOf(signs));
});

test("a signing key must be a compressed point on P-256", async () => {
  const { signs } = await generateIdentity();
  const point = Buffer.from(signs.slice(5), "base64url");
  const offCurve = Array.from({ length: 64 }, (_, i) => {
    const changed = Buffer.from(point);
    changed.writeUInt8(i, 32);
    return `p256:${changed.toString("base64url")}`;
  });
  // About half of all x have a point: some of 64 must be refused, and some taken.
  expect(new Set(offCurve.map(checkSigns))).toEqual(new Set([true, false]));
  const tooLarge = Buffer.concat([Buffer.of(2), Buffer.alloc(32, 0xff)]);
  const wrongForm = Buffer.concat([Buffer.of(5), point.subarray(1)]);
  const bad = [tooLarge, wrongForm, Buffer.alloc(33)].map((bytes) => `p256:${bytes.toString("base64url")}`);
  for (const text of [...bad, "", "p256:", `${signs}A`, signs.slice(5), `p384:${signs.slice(5)}`, "__proto__"]) {
    expect(checkSigns(text)).toBe(false);
    expect(() => publicKeyOf(text)).toThrow(expect.objectContaining({ code: "INTEGRITY" }));
  }
});

test("fingerprint and device id are functions of the public halves", () => {
  const id = { signs: "p256:x", reads: "age1y" };
  expect(fingerprint(id)).toMatch(/^([A-Z2-7]{4}-){5}[A-Z2-7]{4}$/);
  const digest = createHash("sha256").update("p256:x\nage1y").digest();
  // 15 bytes are 24 characters of base32; check the first two by hand.
  const bits = [...digest.subarray(0, 2)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  expect(fingerprint(id).slice(0, 3)).toBe(
    [0, 5, 10].map((at) => letters[Number.parseInt(bits.slice(at, at + 5), 2)]).join(""),
  );
  expect(fingerprint({ ...id, signs: "p256:z" })).not.toBe(fingerprint(id));
  expect(deviceIdOf(id.reads)).toBe(createHash("sha256").update("age1y").digest("hex").slice(0, 32));
});
