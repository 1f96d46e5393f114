import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addMember, type NewMember, setEpochs, setVersion } from "../../src/policy/edit.ts";
import { readPolicy } from "../../src/policy/read.ts";
import { memberOf, type Policy } from "../../src/policy/schema.ts";
import { EXAMPLE } from "./example.ts";
import { NOW, readsKey, SAMPLE, signsKey } from "./sample.ts";

const next = { version: 8, previous: "cd".repeat(32) };
const kim: NewMember = {
  id: "kim",
  name: 'Kim "K" O\'Hara: #1',
  roles: ["data-scientist@churn", "reviewer"],
  signs: signsKey(20),
  reads: readsKey(20),
};

function read(text: string): Policy {
  const { policy, problems } = readPolicy(Buffer.from(text), { now: NOW });
  if (!policy) throw new Error(JSON.stringify(problems));
  return policy;
}

/** Lines of `after` that `before` has not, and the other way round. */
function difference(before: string, after: string): { added: string[]; removed: string[] } {
  const [old, young] = [before.split("\n"), after.split("\n")];
  return { added: young.filter((line) => !old.includes(line)), removed: old.filter((line) => !young.includes(line)) };
}

describe("addMember", () => {
  it("adds to a file that says everything there is to say", () => {
    const edited = addMember(EXAMPLE, { ...kim, roles: ["data-scientist@churn"] }, next);
    expect(memberOf(read(edited), "kim")?.name).toBe(kim.name);
  });

  it("adds one line, keeps every other, comments too, and reads as what was asked for", () => {
    const edited = addMember(SAMPLE, kim, next);
    const { added, removed } = difference(SAMPLE, edited);
    expect(removed).toEqual(["version: 7", `previous: sha256:${"ab".repeat(32)}`]);
    expect(added).toEqual([
      "version: 8",
      `previous: sha256:${"cd".repeat(32)}`,
      expect.stringMatching(
        /^ {2}kim: \{ name: ".*", roles: \["data-scientist@churn", reviewer\], signs: ".*", reads: ".*" \}$/,
      ),
    ]);
    const lines = edited.split("\n");
    expect(lines[lines.findIndex((line) => line.startsWith("  kim:")) - 1]).toMatch(/^ {2}zed:/);
    expect(memberOf(read(edited), "kim")).toMatchObject({
      name: kim.name,
      roles: [
        { role: "data-scientist", domain: "churn" },
        { role: "reviewer", domain: undefined },
      ],
      devices: [{ name: undefined, signs: kim.signs, reads: kim.reads }],
    });
  });

  it("leaves what is said of consent, stages and time as it is, and raises epochs there too", () => {
    const edited = setEpochs(addMember(EXAMPLE, kim, next), new Map([["churn", 3]]), next);
    const { added, removed } = difference(EXAMPLE, edited);
    expect([added.length, removed.length]).toEqual([4, 3]);
    const [before, after] = [read(EXAMPLE), read(edited)];
    for (const part of ["gates", "rules", "separate", "evidence", "retention", "breakGlass", "accessReview"] as const) {
      const said = (policy: Policy) => JSON.stringify(policy[part], (key, value) => (key === "line" ? 0 : value));
      expect(said(after)).toBe(said(before));
    }
    expect(after.domains.map(({ epoch }) => epoch)).toEqual([3, 1]);
  });

  const block = SAMPLE.replace(
    /^ {2}zed:.*$/m,
    `  zed:\n    name: Zed Gone\n    roles:\n      - reviewer   # for now\n    signs: "${signsKey(7)}"\n    reads: "${readsKey(7)}"   # the last line`,
  );
  const flow = SAMPLE.replace(/^members:\n((?: {2}.*\n)+)/m, (_, lines: string) => {
    const entries = lines
      .replace(/ # joined late/, "")
      .trimEnd()
      .split("\n");
    return `members: {\n${entries.join(",\n")}   # the last one\n  }\n`;
  });

  it.each([
    ["block maps", block],
    ["a flow map", flow],
    ["line ends of Windows", SAMPLE.replaceAll("\n", "\r\n")],
    [
      "members at the end",
      `${SAMPLE.replace(/^members:\n(?: {2}.*\n)+/m, "")}${/^members:\n(?: {2}.*\n)+/m.exec(SAMPLE)?.[0].trimEnd() ?? ""}`,
    ],
    ["version 1", SAMPLE.replace("version: 7\n", "version: 1   # the first\n").replace(/^previous:.*\n/m, "")],
  ])("works with %s", (_, text) => {
    const edited = addMember(text, kim, next);
    const policy = read(edited);
    expect(policy.members).toHaveLength(8);
    expect({ version: policy.version, previous: policy.previous }).toEqual(next);
    for (const comment of text.match(/#.*/g) ?? []) expect(edited).toContain(comment.trim());
    expect(edited.includes("\r\n")).toBe(text.includes("\r\n"));
    expect(edited.replaceAll("\r\n", "")).not.toContain("\r");
  });

  it("can be repeated", () => {
    const twice = addMember(
      addMember(SAMPLE, kim, next),
      { ...kim, id: "lee", signs: signsKey(21), reads: readsKey(21) },
      { ...next, version: 9 },
    );
    expect(
      read(twice)
        .members.map(({ id }) => id)
        .slice(-2),
    ).toEqual(["kim", "lee"]);
  });

  it.each<[string, Partial<NewMember>, string]>([
    ["an id that is taken", { id: "bo" }, "bo is a member already"],
    ["an id that is no name", { id: "Kim K" }, "Kim K cannot be added"],
    ["a role that is unknown", { roles: ["king"] }, "kim cannot be added"],
    ["a key of somebody else", { signs: signsKey(1) }, "kim cannot be added"],
    ["a key that is none", { reads: "age1x" }, "kim cannot be added"],
    ["an id with a line of its own", { id: "x: {}\n  kim" }, "cannot be added"],
  ])("refuses %s", (_, change, message) => {
    expect(() => addMember(SAMPLE, { ...kim, ...change }, next)).toThrow(message);
  });

  it("refuses a file that is not valid", () => {
    expect(() => addMember(SAMPLE.replace("rules:", "rulez:"), kim, next)).toThrow("the policy file is not valid");
  });

  it("writes a hostile name as nothing but a name", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (name) => {
        let edited: string;
        try {
          edited = addMember(SAMPLE, { ...kim, name }, next);
        } catch (error) {
          expect(error).toMatchObject({ code: "USAGE" });
          return;
        }
        expect(memberOf(read(edited), "kim")?.name).toBe(name.trim());
        expect(difference(SAMPLE, edited).added).toHaveLength(3);
      }),
      { numRuns: 40 },
    );
  });
});

describe("setEpochs", () => {
  it("raises the epochs that were named and nothing else, however the domains are laid out", () => {
    const before = read(SAMPLE);
    const edited = setEpochs(SAMPLE, new Map([["churn", 41]]), next);
    const epochs = (policy: Policy) => new Map(policy.domains.map(({ id, epoch }) => [id, epoch]));
    expect(epochs(read(edited))).toEqual(new Map([...epochs(before), ["churn", 41]]));
    const { added, removed } = difference(SAMPLE, edited);
    expect([added.length, removed.length]).toEqual([3, 3]);
    const block = SAMPLE.replace(
      /^ {2}churn: +\{ owner: (\S+), epoch: (\d+) \}/m,
      "  churn:\n    epoch: $2   # raised\n    owner: $1",
    );
    expect(block).not.toBe(SAMPLE);
    expect(setEpochs(block, new Map([["churn", 41]]), next)).toContain("    epoch: 41   # raised\n");
  });

  it("refuses a domain that is not there and an epoch that is none", () => {
    for (const epochs of [new Map([["nowhere", 2]]), new Map([["churn", 0]])]) {
      expect(() => setEpochs(SAMPLE, epochs, next)).toThrowError(expect.objectContaining({ code: "USAGE" }));
    }
  });
});

describe("setVersion", () => {
  it("changes two values and nothing else", () => {
    const edited = setVersion(SAMPLE, { version: 12, previous: `sha256:${"ef".repeat(32)}` });
    expect(edited).toBe(SAMPLE.replace("version: 7", "version: 12").replace("ab".repeat(32), "ef".repeat(32)));
  });

  it.each([
    ["a list", "- a\n"],
    ["a flow map", "{ cloister: 1, version: 1 }\n"],
    ["no version", "cloister: 1\n"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(() => setVersion(text, next)).toThrow("cannot be edited automatically");
  });
});
