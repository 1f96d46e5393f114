import { readFileSync } from "node:fs";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { describe, expect, it } from "vitest";
import { sha256Hex } from "../../src/base/digest.ts";
import { COMPILED_FORMAT, parseCompiled } from "../../src/policy/compiled.ts";
import { decide } from "../../src/policy/decide.ts";
import { CASES } from "./cases.ts";
import { EXAMPLE } from "./example.ts";
import { compiled, SAMPLE } from "./sample.ts";

const sample = compiled();
const bytes = Buffer.from(JSON.stringify(sample));

describe("a compiled policy", () => {
  it("passes Cedar's own validator, policies and parts alike", () => {
    const { decide: deciding, explain: explaining } = compiled(EXAMPLE).cedar;
    for (const staticPolicies of [sample.cedar.decide, sample.cedar.explain, deciding, explaining]) {
      const answer = cedar.validate({ schema: sample.cedar.schema as never, policies: { staticPolicies } });
      expect(answer).toMatchObject({ type: "success", validationErrors: [], validationWarnings: [] });
    }
  });

  it("passes it where the policy declares nothing that can be left out", () => {
    const bare = SAMPLE.replace(/purposes:\n(?: {2}\S.*\n)+/, "")
      .replace(/always:\n(?: {2}\S.*\n)+/, "")
      .replace(/\nrules:[\s\S]*/, "\n")
      .replace("    credentials: { ttl: 1h }\n", "")
      .replace("    purposes: [churn-modelling, spring-campaign]\n", "");
    const staticPolicies = compiled(bare).cedar.decide;
    const answer = cedar.validate({ schema: sample.cedar.schema as never, policies: { staticPolicies } });
    expect(answer).toMatchObject({ type: "success", validationErrors: [] });
  });

  it("is the same after the cache, and decides the same", async () => {
    const cached = parseCompiled(bytes, sample.digest);
    if (!cached) throw new Error("not read back");
    expect(JSON.stringify(cached)).toBe(bytes.toString());
    for (const { request, refusedBy } of CASES.slice(0, 20)) {
      expect((await decide(cached, request)).allow).toBe(refusedBy.length === 0);
    }
  });

  it("of another policy is refused", () => {
    expect(parseCompiled(bytes, sha256Hex("another"))).toBeUndefined();
  });

  it.each([
    ["a role that reaches further", '"upTo":"internal"', '"upTo":"restricted"'],
    ["a permit that asks less", '"effect":"forbid"', '"effect":"permit"'],
    ["a member back from suspension", ',"suspended":"left 2026-06-30"', ""],
    ["the format of another version", COMPILED_FORMAT, "cloister/compiled-policy@0"],
    ["a key of the prototype", '{"format"', '{"__proto__":{"x":1},"format"'],
  ])("with %s is refused", (_, from, to) => {
    const text = bytes.toString();
    expect(text).toContain(from);
    expect(parseCompiled(Buffer.from(text.replace(from, to)), sample.digest)).toBeUndefined();
  });

  it("that was cut, flipped or is junk is refused", () => {
    for (let at = 0; at < bytes.length; at += 397) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      expect(parseCompiled(flipped, sample.digest)).toBeUndefined();
      expect(parseCompiled(bytes.subarray(0, at), sample.digest)).toBeUndefined();
    }
    for (const junk of ["null", "[]", "1", '"x"', "{}", "\xff"]) {
      expect(parseCompiled(Buffer.from(junk, "latin1"), sample.digest)).toBeUndefined();
    }
  });

  it("changes only together with the name of its format", () => {
    // When this turns red, give COMPILED_FORMAT another number: caches made before must not be used.
    const made = sha256Hex(JSON.stringify({ ...sample, digest: "", sum: "" }));
    expect({ format: sample.format, made }).toMatchSnapshot();
  });

  it("imports no YAML to decide", () => {
    const reached = new Set<string>();
    const visit = (file: string): void => {
      if (reached.has(file)) return;
      reached.add(file);
      const source = readFileSync(new URL(`../../src/policy/${file}`, import.meta.url), "utf8");
      expect(source).not.toMatch(/^import (?!type).*from "yaml"/m);
      for (const [, next = ""] of source.matchAll(/^(?:import|export)(?! type)[^;]*from "\.\/([^"]+)"/gm)) visit(next);
    };
    visit("decide.ts");
    visit("compiled.ts");
    expect(reached.size).toBeGreaterThan(8);
  });
});
