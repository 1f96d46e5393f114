import { expect, test } from "vitest";
import { pathProblem } from "../../src/base/path.ts";
import { pathText } from "../../src/sandbox/files/path-text.ts";

test.each([
  ["plain and accented, as it is", Buffer.from("a/ü \u{1f600}"), "a/ü \u{1f600}"],
  ["U+FFFD that stands there, as it is", Buffer.from("a\ufffd"), "a\ufffd"],
  ["what is not UTF-8, byte by byte", Buffer.from([0x61, 0xff, 0x2f, 0xc3]), "a\\xff/\\xc3"],
])("a path is text: %s", (_what, bytes, text) => {
  expect(pathText(bytes)).toBe(text);
});

test("paths that differ are told apart, and what is not UTF-8 is none that an artifact may hold", () => {
  const [one, other] = [pathText(Buffer.from([0xe9, 0x31])), pathText(Buffer.from([0xe8, 0x31]))];
  expect(one).not.toBe(other);
  expect(pathProblem(one)).toBeDefined();
});
