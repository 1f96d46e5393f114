// The protocol of garbage collection, searched through whole: every order of the steps of a push and two collections.
import { describe, expect, it } from "vitest";
import { search, type Variant } from "./garbage-model.ts";

describe("as it is built", () => {
  it.each(["earlier", "by this push"] as const)(
    "nothing that is needed goes, with a pack that was stored %s",
    (stored) => {
      const { states, lost } = search({}, { skew: 1, stored });
      expect(lost).toBeUndefined();
      expect(states).toBeGreaterThan(10_000);
    },
    240_000,
  );

  it("rests on clocks that differ by no more than it allows for", () => {
    expect(search({}, { skew: 3, stored: "earlier" }).lost).toBeDefined();
  }, 240_000);
});

/** For each, the step without which that way does not lead to a loss. */
const UNSAFE: Readonly<Record<keyof Variant, string>> = {
  byAgeAlone: "the push is logged",
  touch: "the push finds the pack",
  uncondemn: "the push takes the mark away",
  sameName: "the push stores the pack anew",
  neverLooksAgain: "the push reads the log",
  looksAtMarksAlone: "removes the mark",
  markLast: "removes the mark",
  noPlaceInLog: "takes its place in the log",
  lateClock: "reads the clock",
  markAsSaid: "condemns",
  markGoesFirst: "removes the mark",
};

describe("built otherwise, it loses what is needed", () => {
  it.each(Object.entries(UNSAFE) as readonly (readonly [keyof Variant, string])[])(
    "%s",
    (variant, step) => {
      const { lost = [] } = search({ [variant]: true }, { skew: 0, stored: "earlier" });
      expect(lost.join("; ")).toContain(step);
      expect(lost.at(-1)).toMatch(/deletes the pack|is logged/);
    },
    240_000,
  );
});
