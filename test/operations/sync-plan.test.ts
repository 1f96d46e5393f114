import { describe, expect, it } from "vitest";
import { planSync } from "../../src/operations/workspace/sync.ts";

const marks = (files: Readonly<Record<string, string>>) => new Map(Object.entries(files));

describe("what a sync brings", () => {
  const sent = marks({
    same: "1",
    newer: "1",
    mine: "1",
    both: "1",
    gone: "1",
    "gone-mine": "1",
    "removed-inside": "1",
  });
  const newer = marks({ same: "1", newer: "2", mine: "1", both: "2", added: "1", clash: "1", "removed-inside": "2" });
  const here = marks({ same: "1", newer: "1", mine: "9", both: "9", gone: "1", "gone-mine": "9", clash: "directory" });

  it("is what differs; what the workspace changed or removed is kept", () => {
    expect(planSync({ newer, sent, here }, {})).toEqual({
      added: ["added"],
      updated: ["newer"],
      removed: [],
      kept: ["both", "clash", "mine", "removed-inside"],
      unchanged: 1,
    });
  });

  it("removes what is gone from the source only where it is asked to, and it is as it was sent", () => {
    const plan = planSync({ newer, sent, here }, { delete: true });
    expect(plan.removed).toEqual(["gone"]);
    expect(plan.kept).toEqual(["both", "clash", "gone-mine", "mine", "removed-inside"]);
  });

  it("takes everything of the source by force, but for a folder in a file's place", () => {
    expect(planSync({ newer, sent, here }, { delete: true, force: true })).toEqual({
      added: ["added", "removed-inside"],
      updated: ["both", "mine", "newer"],
      removed: ["gone", "gone-mine"],
      kept: ["clash"],
      unchanged: 1,
    });
  });

  it("leaves alone what it never sent: outputs, and everything where it is not known what was sent", () => {
    const other = planSync(
      { newer, sent: new Map(), here: marks({ same: "1", newer: "1", out: "5" }) },
      { delete: true },
    );
    expect(other).toEqual({
      added: ["added", "both", "clash", "mine", "removed-inside"],
      updated: [],
      removed: [],
      kept: ["newer"],
      unchanged: 1,
    });
  });
});
