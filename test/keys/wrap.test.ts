import { hkdfSync, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { decryptWith, encryptTo } from "../../src/keys/age.ts";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import { nameKeyOf, openPrivateHalf, wrapPrivateHalf } from "../../src/keys/class-key.ts";
import { type KeyContext, unwrapKey, wrapKey } from "../../src/keys/data-key.ts";

const refused = expect.objectContaining({ code: "INTEGRITY" });
const device = { ageSecret: generateAge() };
const reads = recipientOf(device.ageSecret);
const secret = generateAge();
const recipient = recipientOf(secret);
const context: KeyContext = {
  project: "0".repeat(32),
  domain: "churn",
  class: "confidential",
  epoch: 1,
  nameId: "a".repeat(64),
  number: 3,
  purpose: "data",
};

/** The file with one byte changed, once for every byte. */
function* changed(file: Uint8Array): Generator<Uint8Array> {
  for (let i = 0; i < file.length; i++) {
    const copy = Uint8Array.from(file);
    copy[i] = (copy[i] ?? 0) ^ 1;
    yield copy;
  }
}

describe("age files", () => {
  test("each recipient reads; others get undefined, not an error", async () => {
    const file = await encryptTo([reads, recipient], Buffer.from("text"));
    for (const key of [device.ageSecret, secret]) {
      expect(Buffer.from((await decryptWith(key, file, "file")) ?? []).toString()).toBe("text");
    }
    expect(await decryptWith(generateAge(), file, "file")).toBeUndefined();
  });

  test("a changed byte gives INTEGRITY or, in the recipient stanza only, undefined", async () => {
    const file = await encryptTo([reads], Buffer.from("text"));
    const stanzaEnd = Buffer.from(file).indexOf("\n--- ");
    let at = 0;
    let unmatched = 0;
    for (const copy of changed(file)) {
      const outcome = await decryptWith(device.ageSecret, copy, "file").catch((error: unknown) => error);
      if (outcome === undefined) {
        expect(at).toBeLessThan(stanzaEnd);
        unmatched++;
      } else expect(outcome).toEqual(refused);
      at++;
    }
    expect(unmatched).toBeGreaterThan(0);
  });

  test("cut, lengthened, empty and oversized files are refused", async () => {
    const file = Buffer.from(await encryptTo([reads], Buffer.from("text")));
    const bad = [Buffer.of(), file.subarray(0, -1), file.subarray(0, 30), Buffer.concat([file, Buffer.of(0)])];
    for (const bytes of [...bad, Buffer.alloc(70_000)]) {
      await expect(decryptWith(device.ageSecret, bytes, "file")).rejects.toThrow(refused);
    }
    await expect(decryptWith(device.ageSecret, file, "file", file.length - 1)).rejects.toThrow(refused);
    expect(await decryptWith(device.ageSecret, file, "file", file.length)).toBeDefined();
  });
});

describe("class keys", () => {
  test("open on the device they were wrapped for", async () => {
    expect(await openPrivateHalf(await wrapPrivateHalf(secret, reads), device, recipient)).toBe(secret);
  });

  test("a planted key, another device's file, and other plain text are refused", async () => {
    const planted = await wrapPrivateHalf(generateAge(), reads);
    const foreign = await wrapPrivateHalf(secret, recipientOf(generateAge()));
    const twoLines = await encryptTo([reads], Buffer.from(`${secret}\n${secret}\n`));
    const spaced = await encryptTo([reads], Buffer.from(` ${secret}`));
    for (const file of [planted, foreign, twoLines, spaced, Buffer.from("x")]) {
      await expect(openPrivateHalf(file, device, recipient)).rejects.toThrow(refused);
    }
  });

  test("every changed byte is refused", async () => {
    for (const file of changed(await wrapPrivateHalf(secret, reads))) {
      await expect(openPrivateHalf(file, device, recipient)).rejects.toThrow(refused);
    }
  });

  test("the name key is HKDF-SHA256 over the key line", () => {
    const expected = hkdfSync("sha256", secret, "", "cloister name key v1", 32);
    expect(nameKeyOf(secret).equals(Buffer.from(expected))).toBe(true);
    expect(nameKeyOf(generateAge()).equals(nameKeyOf(secret))).toBe(false);
  });
});

describe("data keys", () => {
  const key = randomBytes(32);

  test("come out in the same context", async () => {
    expect((await unwrapKey(secret, context, await wrapKey(recipient, context, key))).equals(key)).toBe(true);
  });

  test("any other context is refused", async () => {
    const file = await wrapKey(recipient, context, key);
    const others: Partial<KeyContext>[] = [
      { project: "1".repeat(32) },
      { domain: "other" },
      { class: "public" },
      { epoch: 2 },
      { nameId: "b".repeat(64) },
      { number: 4 },
      { purpose: "metadata" },
    ];
    for (const other of others) {
      await expect(unwrapKey(secret, { ...context, ...other }, file)).rejects.toThrow(refused);
    }
  });

  test("every changed byte, another class's file and other plain text are refused", async () => {
    for (const file of changed(await wrapKey(recipient, context, key))) {
      await expect(unwrapKey(secret, context, file)).rejects.toThrow(refused);
    }
    await expect(unwrapKey(secret, context, await wrapKey(reads, context, key))).rejects.toThrow(refused);
    await expect(unwrapKey(secret, context, await encryptTo([recipient], key))).rejects.toThrow(refused);
  });
});
