// The command tree itself: every command is described, documented by examples that parse, and can be loaded.
import { describe, expect, it } from "vitest";
import type { Flags } from "../../src/cli/flags.ts";
import { HelpShown, program } from "../../src/cli/program.ts";
import { GLOBALS, type Leaf, TREE } from "../../src/cli/tree.ts";
import { cloister } from "./fake.ts";

const leaves = TREE.flatMap(({ commands }) => commands).flatMap((item): [string[], Leaf][] =>
  "leaves" in item ? item.leaves.map((leaf) => [[item.name, leaf.name], leaf]) : [[[item.name], item]],
);
const io = { out: () => {}, err: () => {}, outIsTty: false, outColor: false, columns: 80 } as never;

/** The words of an example up to the first pipe or redirection, or to the end of its `$(…)`. */
function words(example: string): string[] {
  const command = /\$\(cloister ([^)]*)\)/.exec(example)?.[1] ?? example.slice(example.indexOf("cloister ") + 9);
  const found = (command.split(/ [|<>] /)[0] ?? "").match(/'[^']*'|\S+/g) ?? [];
  return found.map((word) => word.replace(/^'|'$/g, ""));
}

describe.each(leaves)("%j", (path, leaf) => {
  it("has help of at most 80 columns, with the global options and one to three examples", async () => {
    const { exit, out } = await cloister([...path, "--help"]);
    expect(exit).toBe(0);
    for (const { flags } of GLOBALS) expect(out).toContain(flags);
    expect(out.indexOf("Global options:")).toBeGreaterThan(out.indexOf("\nOptions:"));
    for (const line of out.split("\n")) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(leaf.examples.length).toBeGreaterThan(0);
    expect(leaf.examples.length).toBeLessThanOrEqual(3);
  });

  it("parses its examples, and loads", async () => {
    for (const example of leaf.examples) {
      const found: string[] = [];
      const parser = program(io, {}, async ({ name }) => void found.push(name));
      await parser.parseAsync(words(example), { from: "user" });
      expect(found, example).toEqual([leaf.name]);
    }
    expect(await leaf.load()).toBeTypeOf("function");
  });
});

describe("the parser", () => {
  async function parse(...argv: string[]): Promise<Flags | undefined> {
    let seen: Flags | undefined;
    await program(io, {}, async (_leaf, _args, flags) => {
      seen = flags;
    }).parseAsync(argv, { from: "user" });
    return seen;
  }

  it("takes global options before and after the command", async () => {
    for (const argv of [
      ["--json", "--no-progress", "ws", "list"],
      ["ws", "list", "--json", "--no-progress"],
      ["--json", "ws", "list", "--no-progress"],
    ]) {
      const flags = await parse(...argv);
      expect([flags?.on("json"), flags?.off("progress"), flags?.on("quiet")]).toEqual([true, true, false]);
    }
  });

  it("does not take a flag's default for something that was given", async () => {
    expect((await parse("list"))?.off("progress")).toBe(false);
  });

  it("says that help was shown", async () => {
    await expect(parse("ws")).rejects.toBeInstanceOf(HelpShown);
  });
});
