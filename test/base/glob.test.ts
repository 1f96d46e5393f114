import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { globTest } from "../../src/base/glob.ts";

describe("a pattern", () => {
  it.each([
    ["*.json", ["a.json", "deep/er/b.json", ".json"], ["a.jsonl", "json"]],
    ["/*.json", ["a.json"], ["deep/a.json"]],
    ["data", ["data", "data/a", "x/data/b/c"], ["data2", "xdata"]],
    ["data/", ["data/a", "x/data/b"], ["data2/a"]],
    ["data/*", ["data/a", "data/b/c"], ["data", "x/data/a"]],
    ["data/**", ["data/a", "data/b/c"], ["data", "x/data/a"]],
    ["./data/*.csv", ["data/a.csv"], ["data/b/a.csv"]],
    ["**/x", ["x", "a/x", "a/b/x/c"], ["ax"]],
    ["a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["z", "b/a/z", "az"]],
    ["a/**/b/**/c", ["a/b/c", "a/x/b/b/y/c"], ["a/c", "a/b/b"]],
    ["**", ["a", "a/b"], []],
    ["p?rt-[0-9]*.{csv,parquet}", ["part-0.csv", "port-12x.parquet"], ["prt-0.csv", "part-x.csv", "part-0.txt"]],
    ["[!a-c]x", ["dx"], ["ax", "x", "cx"]],
    ["[]x]", ["]", "x"], ["["]],
    ["[a-]", ["a", "-"], ["b"]],
    ["a[b", ["a[b"], ["ab"]],
    ["\\*x", ["*x"], ["ax"]],
    ["{a,b{c,d}}e", ["ae", "bce", "bde"], ["be", "ce"]],
    ["{a,b}/{c,d}", ["a/c", "b/d/e"], ["c", "a/e"]],
    ["{a}", ["{a}"], ["a"]],
    ["{,x}y", ["y", "xy"], ["x"]],
    ["a{b", ["a{b"], ["ab"]],
    ["grüß?", ["grüße", "grüß😀"], ["grüß", "GRÜSSE"]],
    ["*", ["anything", "a/b"], []],
  ])("%s", (pattern, fits, others) => {
    const test = globTest(pattern);
    expect(fits.filter((path) => !test(path))).toEqual([]);
    expect(others.filter((path) => test(path))).toEqual([]);
  });

  it.each(["", "/", "./", "{,}", "x".repeat(1025), "{a,b}".repeat(9)])(
    "%j is refused, and says how to write one",
    (pattern) => {
      expect(() => globTest(pattern)).toThrow(expect.objectContaining({ code: "USAGE", next: expect.anything() }));
    },
  );

  it("is what a regular expression makes of it, name for name", () => {
    const word = (chars: readonly string[], size: number) =>
      fc.array(fc.constantFrom(...chars), { minLength: 1, maxLength: size }).map((parts) => parts.join(""));
    const patternName = fc.oneof(fc.constant("**"), word(["a", "b", "*", "?", "[ab]", "[!a]"], 6));
    const pattern = fc.array(patternName, { minLength: 2, maxLength: 4 }).map((names) => names.join("/"));
    const path = fc.array(word(["a", "b", "c"], 5), { minLength: 1, maxLength: 5 }).map((names) => names.join("/"));
    fc.assert(
      fc.property(pattern, path, (wanted, given) => globTest(wanted)(given) === asRegExp(wanted).test(`${given}/`)),
      { numRuns: 3000 },
    );
  });

  it("takes no longer for what is made to take long", () => {
    const started = process.cpuUsage().user;
    const long = `${"a".repeat(200)}/`.repeat(18);
    const hostile = [
      `${"*a".repeat(100)}*b/c`,
      `${"**/a*/".repeat(100)}b`,
      `{${"a,".repeat(200)}b}/**/${"?*".repeat(200)}c`,
    ];
    for (const pattern of hostile) expect(globTest(pattern)(`${long}x`)).toBe(false);
    // CPU time, not the clock: others work on this machine, too. A regular expression would take years.
    expect(process.cpuUsage().user - started).toBeLessThan(10_000_000);
  });
});

/** Of a pattern with a slash, for paths with a slash at their end. */
function asRegExp(pattern: string): RegExp {
  const names = pattern.split("/");
  if (names.at(-1) === "**") names.push("*");
  const parts = names.map((name) => {
    if (name === "**") return "(?:[^/]+/)*";
    return `${name.replace(/\[!/g, "[^/").replace(/\*+/g, "[^/]*").replace(/\?/g, "[^/]")}/`;
  });
  return new RegExp(`^${parts.join("")}`);
}
