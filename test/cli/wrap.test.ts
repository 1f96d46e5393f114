import { describe, expect, it } from "vitest";
import { wrap } from "../../src/cli/wrap.ts";

describe("wrap", () => {
  it("breaks between words, and leaves alone what fits", () => {
    expect(wrap("the signature of ana is missing here", 24)).toEqual(["the signature of ana is", "missing here"]);
    expect(wrap("a   b", 24)).toEqual(["a   b"]);
    expect(wrap("", 24)).toEqual([""]);
  });

  it("keeps a word whole that is too long, and runs of spaces inside a line", () => {
    const digest = "ab".repeat(32);
    expect(wrap(`sha256 ${digest} of   it`, 24)).toEqual(["sha256", digest, "of   it"]);
  });

  it("counts no colours", () => {
    const red = "\u001b[31mconfidential\u001b[39m";
    expect(wrap(`class ${red} xx`, 21)).toEqual([`class ${red} xx`]);
  });

  it("breaks nothing in a pipe", () => {
    expect(wrap("word ".repeat(100).trim(), Number.POSITIVE_INFINITY)).toHaveLength(1);
  });
});
