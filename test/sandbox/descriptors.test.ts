import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { inheritableDescriptors, sealedStdio } from "../../src/sandbox/host/descriptors.ts";

test("a descriptor that Node opened closes by itself", () => {
  const fd = openSync("/dev/null", "r");
  expect(inheritableDescriptors()).not.toContain(fd);
  closeSync(fd);
});

test("inherited descriptors are replaced, those in use are kept", () => {
  expect(sealedStdio(["pipe", 7, "inherit", "pipe"], [3, 5, 8], 99)).toEqual([
    "pipe",
    7,
    "inherit",
    "pipe",
    "ignore",
    99,
    "ignore",
    "ignore",
    99,
  ]);
  expect(sealedStdio(["pipe"], [], 99)).toEqual(["pipe"]);
});

test("a descriptor too high to be replaced is refused, not let through", () => {
  expect(() => sealedStdio(["pipe"], [1_000_000], 99)).toThrow(/descriptor 1000000/);
});
