// What a policy's must-hold makes of what a host can hold.
import { expect, test } from "vitest";
import { requireHoldable } from "../../src/operations/workspace/limits.ts";
import type { HeldLimit } from "../../src/sandbox/limits/limits.ts";

const MEMORY: HeldLimit = { limit: "memory", value: 4e9, held: false, how: "no group", next: "make one" };
const CPUS: HeldLimit = { limit: "cpus", value: 2, held: true, how: "a group" };
const required = (limits: readonly HeldLimit[], mustHold: readonly HeldLimit["limit"][]) => () =>
  requireHoldable({ holdable: () => limits }, { limits: {}, diskBytes: 1, planned: { mustHold } });

test("what is demanded and held, or not demanded, is no obstacle", () => {
  expect(required([MEMORY, CPUS], ["cpus"])).not.toThrow();
  expect(required([MEMORY, CPUS], [])).not.toThrow();
});

test("a demanded limit that nothing holds is refused, with why and what to do", () => {
  expect(required([CPUS, MEMORY], ["cpus", "memory"])).toThrow(
    expect.objectContaining({ code: "UNSUPPORTED_HOST", why: "no group", next: "make one" }),
  );
});

test("a demanded limit without a value is asked for", () => {
  const unset: HeldLimit = { limit: "memory", value: undefined, held: false, how: "no limit is set" };
  expect(required([unset], ["memory"])).toThrow(expect.objectContaining({ code: "USAGE", next: "add --memory 4GB" }));
});
