// The checker of invariants is itself checked: it must accept what the product writes, and see each kind of damage.
import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { copyOf, makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { expectInvariants, inspect, objectsBelow } from "./invariants.ts";

let base: string;
let secret: string;
beforeAll(async () => {
  base = scratch();
  const ana = await makeProject(base);
  randomFiles(ana.cwd);
  // What is compressed is read, too.
  writeFileSync(join(ana.cwd, "data/sub/c.csv"), "the same line, again and again\n".repeat(20_000));
  for (const name of ["cohort:1.0", "cohort", "other"]) {
    await push(await sessionOf(ana), { source: { path: "data" }, name, class: "internal" });
  }
  secret = (await (await sessionOf(ana)).identity()).ageSecret;
});

test("what was pushed holds, and is what lies in the folder", async () => {
  const state = await expectInvariants(join(base, "store"), secret);
  expect(state.versions.map(({ name, number, label }) => [name, number, label])).toEqual([
    ["cohort", 1, "1.0"],
    ["cohort", 2, undefined],
    ["other", 1, undefined],
  ]);
  expect([...(state.versions[0]?.files.keys() ?? [])].sort()).toEqual(["a.csv", "empty", "sub/b.bin", "sub/c.csv"]);
  expect([state.garbage, state.open]).toEqual([[], []]);
});

describe("each kind of damage is seen", () => {
  const flip = (path: string, at = 0.5) => {
    const bytes = readFileSync(path);
    const place = Math.floor(bytes.length * at);
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    chmodSync(path, 0o644);
    writeFileSync(path, bytes);
  };
  const damages: readonly (readonly [string, RegExp, (path: string) => void])[] = [
    ["packs", /I3 chunk/, (path) => flip(path, 0.1)],
    ["packs", /I2 pack/, (path) => rmSync(path)],
    ["seals", /I1 the seal/, (path) => flip(path)],
    ["wraps", /I3/, (path) => flip(path, 0.95)],
    ["versions", /I[13]/, (path) => flip(path)],
    ["versions", /I3/, (path) => rmSync(path)],
    ["log/commit", /I5/, (path) => flip(path)],
    ["log/commit", /I5 .*gap/, (path) => renameSync(path, join(dirname(path), "0000000000000099"))],
    ["policy", /I1/, (path) => flip(path, 0.2)],
  ];
  test.each(damages)("%s: %s", async (folder, seen, damage) => {
    const copy = copyOf(base);
    const [first = ""] = objectsBelow(join(copy, "store"), folder);
    damage(join(copy, "store", first));
    const problems = await inspect(join(copy, "store"), secret).then(
      (state) => state.problems,
      (error: unknown) => [`I1 ${String(error)}`],
    );
    expect(problems.join("\n")).toMatch(seen);
  });
});
