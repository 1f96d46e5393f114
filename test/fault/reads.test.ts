// Pull, list and verify under a store that fails, dies or answers ambiguously at every k-th operation (testing.md, I1 to I9).
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { list } from "../../src/operations/artifact/list.ts";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { verifyReference } from "../../src/operations/artifact/verify.ts";
import { makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { FAULTS } from "./faulty-store.ts";
import { expectInvariants } from "./invariants.ts";
import { type Act, again, callsOf, roundAt } from "./rounds.ts";

let base: string;
let secret: string;
beforeAll(async () => {
  base = scratch();
  const ana = await makeProject(base);
  randomFiles(ana.cwd);
  await push(await sessionOf(ana), { source: { path: "data" }, name: "cohort:1.0", class: "internal" });
  secret = (await (await sessionOf(ana)).identity()).ageSecret;
});

/** What is left in a person's folder besides their project and data. */
function leftIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => name.startsWith(".") && name !== ".cloister");
}

function isWhole(folder: string): boolean {
  const original = join(folder, "../data");
  return ["a.csv", "sub/b.bin", "empty"].every((path) =>
    readFileSync(join(folder, path)).equals(readFileSync(join(original, path))),
  );
}

describe.each(FAULTS)("a store that can %s", (fault) => {
  test("pull: a whole folder or none, and the same command again succeeds", async () => {
    const pullTo =
      (folder: string): Act<object> =>
      (session) =>
        pull(session, { reference: "cohort:1.0", purpose: "modelling", output: { folder } });
    const { length: count } = await callsOf(base, pullTo("out"));
    for (let k = 1; k <= count; k++) {
      const round = await roundAt(base, fault, k, pullTo("out"));
      const out = join(round.host.cwd, "out");
      // After the last byte only the log entry can fail: the files are there then, and whole.
      if (round.result !== undefined || existsSync(out)) expect(isWhole(out)).toBe(true);
      expect(leftIn(round.host.cwd)).toEqual([]);
      await expectInvariants(round.store, secret);
      if (round.result === undefined) {
        const target = existsSync(out) ? "out2" : "out";
        await again(round, pullTo(target), 1 + ((k * 3) % count));
        expect(isWhole(join(round.host.cwd, target))).toBe(true);
        await expectInvariants(round.store, secret);
      }
    }
  }, 240_000);
});

describe.each(["fail", "crash", "ambiguous"] as const)("a store that can %s", (fault) => {
  const reads: readonly (readonly [string, Act<object>])[] = [
    ["list", (session) => list(session, {})],
    ["verify", (session) => verifyReference(session, "cohort:1.0")],
  ];
  test.each(reads)(
    "%s: the right answer or none, and the store is as it was",
    async (_, read) => {
      const { length: count } = await callsOf(base, read);
      const right = JSON.stringify(await read(await sessionOf(await roundHost()), await roundHost()));
      for (let k = 1; k <= count; k++) {
        const round = await roundAt(base, fault, k, read);
        if (round.result !== undefined) expect(JSON.stringify(round.result)).toBe(right);
        await expectInvariants(round.store, secret);
        expect(JSON.stringify(await again(round, read))).toBe(right);
      }
    },
    120_000,
  );
});

async function roundHost() {
  return (await roundAt(base, "fail", 0, async () => ({}))).host;
}
