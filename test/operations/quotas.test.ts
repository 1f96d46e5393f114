// Quotas and the label floor: counted from the log, by what is under way, too, and recomputed by readers.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { list } from "../../src/operations/artifact/list.ts";
import { pull } from "../../src/operations/artifact/pull.ts";
import { push } from "../../src/operations/artifact/push.ts";
import { exportVersion } from "../../src/operations/export/export.ts";
import { begin } from "../../src/operations/guard.ts";
import { sessionOf } from "./project.ts";
import { type People, twoDomains } from "./two-domains.ts";
import { unguarded } from "./unguarded.ts";

let people: People;
let number = 0;
beforeEach(() => {
  number++;
});

const ana = () => sessionOf(people.ana);
const bo = () => sessionOf(people.bo);
const wanted = (reference: string) => ({
  reference,
  purpose: "modelling",
  output: { folder: `out-${String(number)}` },
});

/** Six thousand bytes. */
const small = async (name: string) => {
  writeFileSync(join(people.ana.cwd, "small"), Buffer.alloc(6000, name));
  return (await push(await ana(), { source: { path: "small" }, name: `churn/${name}`, class: "internal" })).versionId;
};

describe("quotas", () => {
  beforeAll(async () => {
    people = await twoDomains((text) =>
      text
        .replace(/(data-scientist:[\s\S]*?up-to: confidential)/, "$1\n    quota: { pull-bytes-per-day: 10KB }")
        .replace(/(steward:[\s\S]*?up-to: confidential[^\n]*)/, "$1\n    quota: { exports-per-week: 2 }"),
    );
    await small("one");
    await small("two");
    writeFileSync(join(people.ana.cwd, "tiny"), Buffer.alloc(1000));
    await push(await ana(), { source: { path: "tiny" }, name: "churn/three", class: "internal" });
  });

  test("what would exceed the day's bytes is refused, with what was pulled before; others are not touched", async () => {
    await pull(await bo(), wanted("churn/one"));
    await expect(pull(await bo(), { ...wanted("churn/two"), output: { folder: "more" } })).rejects.toMatchObject({
      code: "POLICY_DENIED",
      refusals: [expect.objectContaining({ why: expect.stringMatching(/pull/) })],
    });
    await pull(await ana(), wanted("churn/two"));
  });

  test("what was copied out of workspaces counts, too", async () => {
    const place = { domain: "churn", class: "internal", workspace: "ab".repeat(16), sealed: {} } as const;
    const copy = await begin(await bo(), { ...place, title: "", action: "workspace.run", facts: { copied: "out" } });
    await expect(pull(await bo(), { ...wanted("churn/three"), dryRun: true })).resolves.toBeDefined();
    await copy.done(() => ({ facts: { copied: "out", bytes: 5000 } }));
    await expect(pull(await bo(), { ...wanted("churn/three"), dryRun: true })).rejects.toMatchObject({
      code: "POLICY_DENIED",
    });
  });

  test("the time of the log counts: a day later there is room again", async () => {
    const session = await bo();
    await session.sync();
    const later = { ...session, clock: async () => Date.now() + 25 * 3_600_000 };
    await pull(later, { ...wanted("churn/two"), dryRun: true });
  });

  test("exports and shares of a week; what was begun counts, what failed with nothing done does not", async () => {
    const leave = async (folder: string) => exportVersion(await ana(), { reference: "churn/one", to: folder });
    writeFileSync(join(people.ana.cwd, "taken"), "");
    await expect(leave("taken")).rejects.toMatchObject({ code: "USAGE" });
    await leave("first");
    const session = await ana();
    await session.sync();
    const versionId = session.ledger.index.of("artifact.export")[0]?.event.versionId;
    const ask = { title: "", action: "artifact.export", domain: "churn", class: "internal", versionId } as const;
    const begun = await begin(session, { ...ask, sealed: {} });
    await expect(leave("second")).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await begun.failed(new Error("given up"));
    await leave("second");
    await expect(leave("third")).rejects.toMatchObject({ code: "POLICY_DENIED" });
  });
});

describe("the quota of pulls of some files", () => {
  beforeAll(async () => {
    people = await twoDomains((text) =>
      text.replace(/(data-scientist:[\s\S]*?up-to: confidential)/, "$1\n    quota: { pull-bytes-per-day: 4KB }"),
    );
  });

  test("they are counted, rounded up, again and again, and not the others", async () => {
    mkdirSync(join(people.ana.cwd, "parts"));
    for (const name of ["a", "b"]) writeFileSync(join(people.ana.cwd, "parts", name), Buffer.alloc(1100, name));
    writeFileSync(join(people.ana.cwd, "parts", "large"), Buffer.alloc(50_000));
    await push(await ana(), { source: { path: "parts" }, name: "churn/parts", class: "internal" });
    const part = (name: string) => ({
      ...wanted("churn/parts"),
      select: { paths: [name] },
      output: { copy: `${name}-${String(number)}` },
    });
    await expect(pull(await bo(), part("large"))).rejects.toMatchObject({ code: "POLICY_DENIED" });
    await pull(await bo(), part("a"));
    const session = await bo();
    await session.sync();
    const { event } = session.ledger.index.of("artifact.pull").findLast(({ event }) => event.phase === "done") ?? {};
    expect(event?.facts).toEqual({ bytes: 1152 });
    // Three times 1152 of the day's 4000.
    for (const copy of ["b-1", "b-2"]) await pull(await bo(), { ...part("b"), output: { copy } });
    await expect(pull(await bo(), { ...part("b"), output: { copy: "b-3" } })).rejects.toMatchObject({
      code: "POLICY_DENIED",
      refusals: [expect.objectContaining({ why: expect.stringMatching(/pull/) })],
    });
  });
});

describe("the label floor", () => {
  beforeAll(async () => {
    people = await twoDomains((text) => text.replace(/^always:.*$/m, "always:\n  label-floor: 30d"));
    for (const klass of ["public", "internal"]) {
      await push(await ana(), { source: { path: "data" }, name: `churn/${klass}`, class: klass });
    }
  });

  const mine = async (name: string, klass?: string) =>
    push(await bo(), {
      source: { path: "data" },
      name: `churn/${name}`,
      ...(klass === undefined ? {} : { class: klass }),
    });

  test("before anything was pulled, there is none", async () => {
    expect((await mine("early", "public")).class).toBe("public");
  });

  test("what was pulled bounds what is pushed without a run, from wherever, and is its class by default", async () => {
    await pull(await bo(), wanted("churn/internal"));
    await expect(mine("late", "public")).rejects.toMatchObject({
      code: "POLICY_DENIED",
      refusals: [expect.objectContaining({ rule: "builtin:label-flow", enforcement: "refused by every reader" })],
    });
    expect((await mine("late")).class).toBe("internal");
    expect((await mine("later", "confidential")).class).toBe("confidential");
  });

  test("a patched program can push it, and no reader accepts it", async () => {
    const session = await unguarded(people.bo);
    await push(session, { source: { path: "data" }, name: "churn/smuggled", class: "public" });
    const { versions, ignored } = await list(await ana(), { name: "churn/smuggled" });
    expect(versions).toEqual([]);
    expect(ignored[0]?.why).toMatch(/label-flow: class public is below internal/);
    expect((await list(await ana(), { name: "churn/early" })).versions).toHaveLength(1);
  });

  test("a pull that says of itself that it stays in the project was one all the same", async () => {
    const session = await unguarded(people.bo);
    const secret = await push(await ana(), { source: { path: "data" }, name: "churn/secret", class: "confidential" });
    const { versionId } = secret;
    const about = { domain: "churn", class: "confidential", versionId, sealed: {} } as const;
    await begin(session, {
      ...about,
      title: "",
      action: "artifact.pull",
      facts: { to: "domain", toDomain: "marketing" },
    });
    await expect(mine("hidden", "internal")).rejects.toMatchObject({
      refusals: [expect.objectContaining({ rule: "builtin:label-flow" })],
    });
  });

  test("after that time it is over, and what others pulled is theirs", async () => {
    const session = await bo();
    await session.sync();
    const later = { ...session, clock: async () => Date.now() + 31 * 86_400_000 };
    const options = { source: { path: "data" }, name: "churn/after", class: "public", dryRun: true } as const;
    expect((await push(later, options)).class).toBe("public");
    expect((await push(await ana(), options)).class).toBe("public");
  });
});
