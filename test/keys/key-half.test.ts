import { createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { decryptWith, encryptTo } from "../../src/keys/age.ts";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import {
  digestsOf,
  type HalfContext,
  joinHalves,
  type KeyHalf,
  openHalf,
  openReleased,
  releaseHalfTo,
  sealHalf,
  splitKey,
} from "../../src/keys/key-half.ts";

const refused = expect.objectContaining({ code: "INTEGRITY" });
const secret = generateAge();
const reads = recipientOf(secret);
const key = randomBytes(32);
const [one, other] = splitKey(key);
const context: HalfContext = {
  project: "0".repeat(32),
  domain: "churn",
  class: "restricted",
  epoch: 1,
  nameId: "a".repeat(64),
  number: 3,
  half: "half-data-owner",
};
const digests = digestsOf(context.half, one);
const request = "b".repeat(64);
const release = { project: context.project, versionId: "c".repeat(64), request, half: context.half };

test("two halves give the key; one says nothing of it", () => {
  expect(joinHalves(one.share, other.share)).toEqual(key);
  const again = splitKey(key);
  expect(again[0].share).not.toEqual(one.share);
  expect(again[1].share).not.toEqual(other.share);
  expect(again[0].seed).not.toEqual(one.seed);
});

test("a half comes back with its seed, and the metadata key where its group sees what it releases", async () => {
  const metadata = randomBytes(32);
  const file = await sealHalf(reads, context, { ...one, metadata });
  expect(await openHalf(secret, context, digests, file)).toEqual({ ...one, metadata });
  const plain = await openHalf(secret, context, digests, await sealHalf(reads, context, one));
  expect(plain).toEqual({ ...one, metadata: undefined });
});

test.each([
  ["project", "1".repeat(32)],
  ["domain", "marketing"],
  ["class", "internal"],
  ["epoch", 2],
  ["nameId", "d".repeat(64)],
  ["number", 4],
  ["half", "half-security-officer"],
])("a half that was made for another %s is refused", async (member, value) => {
  const moved = await sealHalf(reads, { ...context, [member]: value }, one);
  await expect(openHalf(secret, context, digests, moved)).rejects.toEqual(refused);
});

test("a half that a writer of the store made is refused: the signed record names another share and seed", async () => {
  const forged: readonly KeyHalf[] = [
    { share: randomBytes(32), seed: one.seed },
    { share: one.share, seed: randomBytes(32) },
    other,
  ];
  for (const half of forged) {
    await expect(openHalf(secret, context, digests, await sealHalf(reads, context, half))).rejects.toEqual(refused);
  }
  await expect(openHalf(secret, context, digests, Buffer.from("junk"))).rejects.toEqual(refused);
  const foreign = await sealHalf(recipientOf(generateAge()), context, one);
  await expect(openHalf(secret, context, digests, foreign)).rejects.toEqual(refused);
});

test("a half in another spelling is refused", async () => {
  const plain = (await decryptWith(secret, await sealHalf(reads, context, one), "half")) ?? Buffer.of();
  const members = JSON.parse(Buffer.from(plain).toString()) as object;
  for (const text of [JSON.stringify({ ...members, more: 1 }), `${Buffer.from(plain).toString()} `]) {
    const file = await encryptTo([reads], Buffer.from(text));
    await expect(openHalf(secret, context, digests, file)).rejects.toEqual(refused);
  }
});

test("released halves of one request and device give the key; of two requests, or two devices, they do not", async () => {
  const laptop = generateAge();
  const open = async (half: KeyHalf, name: string, by: string, asked: string) => {
    const about = { ...release, half: name, request: asked };
    return openReleased(by, about, await releaseHalfTo(recipientOf(by), about, half));
  };
  const owner = await open(one, "half-data-owner", secret, request);
  const officer = await open(other, "half-security-officer", secret, request);
  expect(joinHalves(owner, officer)).toEqual(key);
  const elsewhere = await open(other, "half-security-officer", secret, "e".repeat(64));
  expect(joinHalves(owner, elsewhere)).not.toEqual(key);
  const onLaptop = await open(other, "half-security-officer", laptop, request);
  expect(joinHalves(owner, onLaptop)).not.toEqual(key);
});

test("what is released is the share under a mask of seed, request and device", async () => {
  const half = await openReleased(secret, release, await releaseHalfTo(reads, release, one));
  const mask = createHmac("sha256", one.seed)
    .update(
      Buffer.concat([Buffer.from("cloister released half v1\0"), Buffer.from(request, "hex"), Buffer.from(reads)]),
    )
    .digest();
  expect(joinHalves(half, mask)).toEqual(one.share);
});

test.each(["project", "versionId", "request", "half"] as const)(
  "a released half of another %s is refused",
  async (member) => {
    const file = await releaseHalfTo(reads, { ...release, [member]: "f".repeat(64) }, one);
    await expect(openReleased(secret, release, file)).rejects.toEqual(refused);
  },
);
