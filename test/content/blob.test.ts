import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { openBlob, sealBlob } from "../../src/content/blob.ts";
import { openChunked, sealChunked } from "../../src/content/chunked-encryption.ts";

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly ctx: string;
  readonly ct: string;
  readonly msgLength?: number;
  readonly msgSha512?: string;
  readonly result: "valid" | "invalid";
}
const file = join(import.meta.dirname, "vectors/chunked-encryption-aes-256-gcm.json");
const { tests } = JSON.parse(readFileSync(file, "utf8")) as { tests: Vector[] };

const open = (vector: Vector) => {
  const [key, context, deflated] = [vector.key, vector.ctx, vector.ct].map((hex) => Buffer.from(hex, "hex"));
  if (!key || !context || !deflated) throw new Error("no vector");
  const sealed = inflateSync(deflated);
  return { key, context, sealed, open: () => openChunked(key, context, sealed) };
};

describe("C2SP chunked-encryption, published vectors", () => {
  it.each(tests.filter((vector) => vector.result === "valid"))("$tcId: $comment", (vector) => {
    const { key, context, sealed, open: opened } = open(vector);
    const plain = opened();
    expect(plain?.length).toBe(vector.msgLength);
    expect(
      createHash("sha512")
        .update(plain ?? "")
        .digest("hex"),
    ).toBe(vector.msgSha512);
    // And the other way round, with the vector's salt.
    const again = sealChunked(key, context, plain ?? Buffer.alloc(0), sealed.subarray(0, 24));
    expect(again.equals(sealed)).toBe(true);
  });

  it.each(tests.filter((vector) => vector.result === "invalid"))("$tcId refused: $comment", (vector) => {
    const { key, open: opened } = open(vector);
    if (key.length === 32) expect(opened()).toBeUndefined();
    else expect(opened).toThrow(TypeError);
  });
});

describe("sealed blob", () => {
  const key = randomBytes(32);
  const context = { project: "p", type: "tree", domain: "churn", epoch: 1 };
  const sealed = Buffer.from(sealBlob(key, context, Buffer.alloc(20_000, 7)));
  const wrong = { code: "INTEGRITY", message: "the tree is damaged or not what it claims to be" };

  it("opens under its own key and context, whatever the order of the members", () => {
    const same = { type: "tree", epoch: 1, domain: "churn", project: "p" };
    expect(openBlob(key, same, sealed, "tree").equals(Buffer.alloc(20_000, 7))).toBe(true);
  });

  it("does not open under another key or context", () => {
    expect(() => openBlob(randomBytes(32), context, sealed, "tree")).toThrow(expect.objectContaining(wrong));
    for (const change of [{ epoch: 2 }, { type: "header" }, { domain: "churn2" }, { more: "" }]) {
      expect(() => openBlob(key, { ...context, ...change }, sealed, "tree")).toThrow(expect.objectContaining(wrong));
    }
  });

  it("does not open with any byte of its header or around its edges changed, nor cut, nor longer", () => {
    const edge = 56 + 16_384 + 16;
    const places = [...Array(80).keys(), ...Array.from({ length: 60 }, (_, i) => edge - 30 + i), sealed.length - 1];
    for (const at of places) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => openBlob(key, context, changed, "tree"), String(at)).toThrow(expect.objectContaining(wrong));
    }
    for (const length of [0, 1, 24, 55, 56, 71, 72, edge - 16, edge, edge + 15, edge + 16, sealed.length - 1]) {
      expect(() => openBlob(key, context, sealed.subarray(0, length), "tree")).toThrow(expect.objectContaining(wrong));
    }
    expect(() => openBlob(key, context, Buffer.concat([sealed, Buffer.alloc(1)]), "tree")).toThrow();
    expect(() => openBlob(key, context, Buffer.concat([Buffer.alloc(1), sealed]), "tree")).toThrow();
  });
});
