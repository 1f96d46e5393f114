import { expect, test } from "vitest";
import { generateAge, recipientOf } from "../../src/keys/age-key.ts";
import { checkPossession, provePossession } from "../../src/keys/possession.ts";

const [prover, verifier, other] = [generateAge(), generateAge(), generateAge()];

test("convinces the device that it is made for, of this key and this message only", () => {
  const proof = provePossession(prover, recipientOf(verifier), "line");
  expect(checkPossession(verifier, recipientOf(prover), "line", proof)).toBe(true);
  expect(checkPossession(verifier, recipientOf(prover), "another line", proof)).toBe(false);
  expect(checkPossession(verifier, recipientOf(other), "line", proof)).toBe(false);
  expect(checkPossession(other, recipientOf(prover), "line", proof)).toBe(false);
});

test("is not made without the key: neither by who knows both recipients, nor of a proof in the other direction", () => {
  const forged = provePossession(other, recipientOf(verifier), "line");
  expect(checkPossession(verifier, recipientOf(prover), "line", forged)).toBe(false);
  const reflected = provePossession(verifier, recipientOf(prover), "line");
  expect(checkPossession(verifier, recipientOf(prover), "line", reflected)).toBe(false);
});

test.each(["", "00", "zz".repeat(32), "ab".repeat(33)])("what is no tag proves nothing: %s", (proof) => {
  expect(checkPossession(verifier, recipientOf(prover), "line", proof)).toBe(false);
});
