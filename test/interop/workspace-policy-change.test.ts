// A policy that changes while a workspace runs: every use of it is decided anew, and its owner can always erase it.
import { beforeAll, describe, expect, it } from "vitest";
import type { Receipt } from "../../src/index.ts";
import { HAS_SANDBOX, type Member, World } from "../acceptance/harness.ts";
import { changePolicy } from "../aws/project.ts";

const title = HAS_SANDBOX
  ? "a workspace whose policy changes"
  : "a workspace whose policy changes (skipped: no bubblewrap here)";

describe.skipIf(!HAS_SANDBOX)(title, () => {
  const world = new World();
  let ana: Member;
  let bo: Member;

  beforeAll(async () => {
    ana = await world.project("ana", "demo");
    bo = await world.colleague(ana, "bo", "data-scientist");
    ana.files("cohort", { "rows.csv": "1\n" });
    await ana.ok("push", "cohort", "--name", "cohort", "--class", "internal");
    bo.files("code", { "train.py": "1\n" });
    await changePolicy(ana, (text) => text.replace("  modelling: {}\n", "  modelling: {}\n  spare: {}\n"));
  });

  /** Each use of the workspace, as words and the exit code of a refusal. */
  const uses = (name: string): readonly (readonly [readonly string[], number])[] => [
    [["run", name, "--", "true"], 125],
    [["ws", "cp", "code/train.py", `${name}:new.py`], 3],
    [["ws", "cp", `${name}:train.py`, "got.py", "--force"], 3],
    [["ws", "sync", name, "--force"], 3],
    [["ws", "extend", name, "--ttl", "1h"], 3],
    [["ws", "notebook", name], 3],
  ];

  it.each([
    ["the member is suspended", (text: string) => text.replace(/(\n {2}bo: \{ )/, "$1suspended: left, "), "suspended"],
    ["the role is taken away", (text: string) => text.replace("roles: [data-scientist]", "roles: []"), ""],
    [
      "the purpose is over",
      (text: string) => text.replace("modelling: {}", "modelling: { until: 2020-01-31 }"),
      "modelling",
    ],
    ["the role's class is less", (text: string) => lowered(text), "internal"],
  ])("cannot be used any more once %s, only destroyed", async (what, edit, why) => {
    const name = what.replaceAll(/[^a-z]+/g, "-");
    await bo.ok("ws", "create", name, "--input", "cohort", "--purpose", "modelling", "--ttl", "30m", "--code", "code");
    for (const [words] of uses(name).slice(0, 5)) await bo.ok(...words);
    let before = "";
    await changePolicy(ana, (text) => {
      before = text;
      return edit(text);
    });
    try {
      for (const [words, exit] of uses(name)) {
        const failed = await bo.fails(...words);
        expect({ words, ...failed }).toMatchObject({ words, exit, code: "POLICY_DENIED" });
        expect(failed.refusals.map((refusal) => refusal.why).join()).toContain(why);
      }
      const receipt = await bo.json<Receipt>("ws", "destroy", name, "--yes");
      expect(receipt).toMatchObject({ why: "destroyed", runs: 1, erased: expect.any(String) });
      expect(receipt.logEntry === undefined).toBe(why === "suspended");
    } finally {
      await changePolicy(ana, (text) => before.replace(/^version: .*/m, /^version: .*/m.exec(text)?.[0] ?? ""));
    }
  });
});

/** Data scientists from here on touch public data alone. */
function lowered(text: string): string {
  const at = text.indexOf("  data-scientist:");
  return text.slice(0, at) + text.slice(at).replace("up-to: confidential", "up-to: public");
}
