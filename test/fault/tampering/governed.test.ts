// What is sealed or signed besides versions: halves of keys and their releases, requests, statements, tags, condemned packs.
// Damage shows where somebody relies on it; what is only a hint changes nothing.
import { beforeAll, describe, expect, test } from "vitest";
import { list } from "../../../src/operations/artifact/list.ts";
import { pull } from "../../../src/operations/artifact/pull.ts";
import { push } from "../../../src/operations/artifact/push.ts";
import { verifyReference } from "../../../src/operations/artifact/verify.ts";
import { approveRequest } from "../../../src/operations/request/approve.ts";
import type { Session } from "../../../src/operations/session.ts";
import { tag } from "../../../src/operations/stage/tag.ts";
import { randomFiles, sessionOf } from "../../operations/project.ts";
import { ask, release, releaseProject } from "../../operations/release-project.ts";
import { World } from "../../operations/team/stage/world.ts";
import { harmsOf } from "./harms.ts";
import { Trial } from "./trial.ts";

const pullAs = (reference: string) => (session: Session) =>
  pull(session, { reference, purpose: "modelling", output: { folder: "out" } });

/** Where the lines of an age file end, and its payload begins. */
const ageEdges = (bytes: Buffer) => [bytes.indexOf("--- "), bytes.indexOf("--- ") + 48, bytes.indexOf("--- ") + 64];

describe("a key that two people release", () => {
  let requester: Trial;
  let approver: Trial;
  let open: string;
  let hash: string;

  beforeAll(async () => {
    const { folder, people } = await releaseProject();
    randomFiles(people.dee.cwd);
    await push(await sessionOf(people.dee), { source: { path: "data" }, name: "cohort:1", class: "restricted" });
    const asked = await ask(people.bo, "cohort:1", "for the trial");
    hash = asked.hash;
    await release(people.omar, asked);
    await release(people.ana, asked);
    open = (await ask(people.dee, "cohort:1", "for another trial")).id;
    requester = await Trial.of(folder, people.bo);
    approver = await Trial.of(folder, people.omar);
    const honest = await requester.read(new Map(), pullAs("cohort:1"));
    expect(honest.code, honest.said).toBe("read");
  });

  test("released halves: changed in any way or exchanged, nothing is read, and the artifact named", async () => {
    const halves = [...requester.objects].filter(([name]) => name.startsWith(`releases/${hash}/`));
    expect(halves).toHaveLength(2);
    for (const [at, [name, bytes]] of halves.entries()) {
      const [, other] = halves[1 - at] ?? [];
      for (const [what, changed] of [...harmsOf(bytes, ageEdges(bytes), 40), ["exchanged", other] as const]) {
        const { code, said } = await requester.read(new Map([[name, changed]]), pullAs("cohort:1"));
        // A half that is not there may not have been released yet: that is no damage, and nothing is read either.
        const codes = changed ? ["INTEGRITY"] : ["INTEGRITY", "POLICY_DENIED", "APPROVAL_PENDING"];
        expect(codes, `${what}: ${said}`).toContain(code);
        expect(said, what).toContain("cohort");
      }
    }
  }, 120_000);

  test("halves that wait for their holder, and requests: nobody approves on what was changed", async () => {
    const session = (each: Session) => approveRequest(each, { id: open });
    const honest = await approver.read(new Map(), session);
    expect(honest.code, honest.said).toBe("read");
    const objects = [...approver.objects].filter(([name]) => /half-data-owner\/|^requests\//.test(name));
    const relied = objects.filter(([name]) => !name.endsWith(hash));
    expect(relied.length).toBeGreaterThanOrEqual(2);
    for (const [name, bytes] of relied) {
      const isMine =
        !name.startsWith("wraps/") ||
        (await approver.read(new Map([[name, Buffer.alloc(9)]]), session)).code !== "read";
      if (!isMine) continue;
      for (const [what, changed] of harmsOf(bytes, name.startsWith("wraps/") ? ageEdges(bytes) : [], 40)) {
        const { code, said, result } = await approver.read(new Map([[name, changed]]), session);
        const from = bytes.indexOf('"keyid":"');
        const at = Number(/^byte (\d+)/.exec(what)?.[1] ?? -1);
        // Key ids are not trusted, and nothing depends on them.
        if (from >= 0 && at >= from + 9 && at < from + 73 && code === "read") continue;
        expect({ name, what, code, result }, said).toEqual({
          name,
          what,
          code: changed ? "INTEGRITY" : code,
          result: undefined,
        });
      }
    }
  }, 120_000);
});

describe("words on a version", () => {
  let trial: Trial;
  let stated: string;

  beforeAll(async () => {
    const world = await World.make();
    stated = (await world.push("risk:one")).versionId;
    await world.state("ci", "risk:one", "tests-passed");
    await tag(await world.as("bo"), { reference: "risk:one", tag: "champion" });
    trial = await Trial.of(world.folder, world.hosts.priya);
  });

  test("a statement: changed in any way, verifying says so", async () => {
    const verify = (session: Session) => verifyReference(session, "risk:one");
    const honest = await trial.read(new Map(), verify);
    expect(honest.result).toMatchObject({ ok: true });
    const [name, bytes] = trial.named(`statements/churn/internal/${stated}/`);
    for (const [what, changed] of harmsOf(bytes, [24, 56, bytes.length - 16], 56)) {
      const { code, result } = await trial.read(new Map([[name, changed]]), verify);
      expect({ what, code, result }).toMatchObject({
        what,
        code: "read",
        result: { ok: false, reference: "churn/risk:one" },
      });
    }
  }, 120_000);

  test("a tag's word: changed in any way, it is not shown, and leads where the log says", async () => {
    const [name, bytes] = trial.named("tags/");
    for (const [what, changed] of harmsOf(bytes, [24, 56, bytes.length - 16], 56)) {
      const listed = await trial.read(new Map([[name, changed]]), (session) => list(session, { name: "risk" }));
      expect({ what, code: listed.code }).toEqual({ what, code: "read" });
      const { versions } = listed.result as Awaited<ReturnType<typeof list>>;
      expect(versions.map(({ number, tags }) => ({ what, number, tags }))).toEqual([{ what, number: 1, tags: [] }]);
    }
    const led = await trial.read(new Map([[name, undefined]]), pullAs("risk:champion"));
    expect(led.result).toMatchObject({ reference: "churn/risk:one" });
  }, 120_000);

  test("a condemned pack stays readable, whatever says so; what is planted beside objects is passed over", async () => {
    const [pack] = trial.named("packs/");
    const planted = new Map<string, Buffer>([
      [`condemned/${pack.slice(-32)}`, Buffer.from("junk")],
      ["tombstones/x", Buffer.from("junk")],
      ["log/other", Buffer.from("junk")],
      ["unknown/thing", Buffer.from("junk")],
    ]);
    const read = await trial.read(planted, pullAs("risk:one"));
    expect(read.code, read.said).toBe("read");
  });
});
