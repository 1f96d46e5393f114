import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { byUtf8 } from "../../src/base/digest.ts";
import { folderDigests } from "../../src/base/folder-digests.ts";
import { canonicalBytes, canonicalJson, type Json, parseCanonical } from "../../src/base/json.ts";
import { pathProblem } from "../../src/base/path.ts";
import type { ManifestContent } from "../../src/provenance/manifest.ts";
import { buildStatement } from "../../src/provenance/statement.ts";
import { readStatement } from "../../src/provenance/statement-reader.ts";
import { file, manifest } from "./sample.ts";

const path = fc
  .array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join("/"))
  .filter((text) => pathProblem(text) === undefined);

function stored(content: ManifestContent): Json {
  return parseCanonical(canonicalBytes(buildStatement(content)), "manifest", 8e6);
}

/** The statement with one member, found by its path, replaced. */
function changed(at: readonly (string | number)[], value: Json | undefined): Json {
  const copy = JSON.parse(canonicalJson(buildStatement(manifest())));
  let inner = copy;
  for (const step of at.slice(0, -1)) inner = inner[step];
  const last = at.at(-1) ?? "";
  if (value === undefined && Array.isArray(inner)) inner.splice(Number(last), 1);
  else if (value === undefined) delete inner[last];
  else inner[last] = value;
  return copy;
}

describe("statement", () => {
  test("what is written is read back, sorted by UTF-8 bytes", () => {
    const content = manifest([file("b"), file("\u{1f600}.txt"), file("\uff5e.txt"), file("a/z")]);
    const read = readStatement(stored(content));
    const order = ["a/z", "b", "\uff5e.txt", "\u{1f600}.txt"];
    expect(read.files.map((entry) => entry.path)).toEqual(order);
    expect({ ...read, files: [] }).toEqual({ ...content, files: [], fileCount: 4 });
  });

  test("optional parts may be missing", () => {
    const { label, workspace, runs, git, environment, ...rest } = manifest([]);
    const content = { ...rest, declared: {}, inputs: [] };
    expect(readStatement(stored(content))).toEqual({ ...content, fileCount: 0 });
    expect([label, workspace?.name, runs?.length, git?.dirty, environment?.["cores"]]).not.toContain(undefined);
  });

  test("any allowed file names survive", () => {
    fc.assert(
      fc.property(fc.uniqueArray(path, { maxLength: 20 }), (paths) => {
        const read = readStatement(stored(manifest(paths.map((name) => file(name)))));
        expect(read.files.map((entry) => entry.path)).toEqual([...paths].sort(byUtf8));
      }),
      { numRuns: 100 },
    );
  });

  test("hostile names of seeds and facts stay data", () => {
    const environment = JSON.parse('{"__proto__":"x","constructor":1}');
    const read = readStatement(stored({ ...manifest(), environment }));
    expect(Object.keys(read.environment ?? {})).toEqual(["__proto__", "constructor"]);
    expect(Object.getPrototypeOf(read.environment)).toBe(Object.prototype);
  });

  test("1,001 files: 1,000 are listed, all are counted", () => {
    const files = Array.from({ length: 1001 }, (_, at) => file(`f${String(at).padStart(4, "0")}`)).reverse();
    const read = readStatement(stored(manifest(files)));
    expect(read.fileCount).toBe(1001);
    expect(read.files.length).toBe(1000);
    expect(read.files.at(-1)?.path).toBe("f0999");
  });

  test("additions to open members are let through", () => {
    const definition = ["predicate", "buildDefinition"];
    const additions = [
      [...definition, "externalParameters", "metrics"],
      [...definition, "externalParameters", "artifact", "more"],
      [...definition, "internalParameters", "scan"],
      [...definition, "resolvedDependencies", 0, "annotations", "more"],
      ["subject", 0, "annotations", "more"],
    ];
    for (const at of additions) expect(readStatement(changed(at, { new: 1 })).name).toBe("churn-model");
  });

  test("additions to closed members are refused", () => {
    const definition = ["predicate", "buildDefinition"];
    const additions = [
      ["more"],
      ["subject", 0, "more"],
      ["subject", 1, "more"],
      ["subject", 1, "digest", "more"],
      ["predicate", "more"],
      [...definition, "more"],
      [...definition, "resolvedDependencies", 0, "more"],
      ["predicate", "runDetails", "more"],
      ["predicate", "runDetails", "builder", "more"],
      ["predicate", "runDetails", "metadata", "more"],
    ];
    for (const at of additions) {
      expect(() => readStatement(changed(at, "x")), at.join(".")).toThrowError(
        expect.objectContaining({ code: "INTEGRITY" }),
      );
    }
  });

  const external = ["predicate", "buildDefinition", "externalParameters"];
  const internal = ["predicate", "buildDefinition", "internalParameters"];
  test.each<[string, readonly (string | number)[], Json | undefined]>([
    ["no statement", [], "x"],
    ["another type", ["_type"], "https://in-toto.io/Statement/v0.1"],
    ["another predicate", ["predicateType"], "https://slsa.dev/provenance/v0.2"],
    ["another build type", ["predicate", "buildDefinition", "buildType"], "https://example.com/x"],
    ["another builder", ["predicate", "runDetails", "builder", "id"], "https://example.com/x"],
    ["another uri", ["subject", 0, "uri"], "cloister://x/y/z@v1"],
    ["another name", [...external, "artifact", "name"], "other"],
    ["another number", [...external, "artifact", "number"], 3],
    ["another class", [...external, "artifact", "class"], "internal"],
    ["a class with another in the subject", ["subject", 0, "annotations", "class"], "internal"],
    ["an unknown kind", [...external, "artifact", "kind"], "virus"],
    ["another project", [...external, "project", "id"], "f".repeat(32)],
    ["a file's digest", ["subject", 1, "digest", "sha256"], "0".repeat(64)],
    ["a file's size", ["subject", 1, "annotations", "bytes"], 1],
    ["a file's name", ["subject", 1, "name"], "AAA"],
    ["a path out of the folder", ["subject", 1, "name"], "../x"],
    ["files out of order", ["subject", 1, "name"], "zzz"],
    ["a file there twice", ["subject", 2, "name"], "README.md"],
    ["a file left out", ["subject", 2], undefined],
    ["no subject", ["subject"], []],
    ["fewer files than counted", ["subject", 0, "annotations", "files"], 1000],
    ["dirHash", ["subject", 0, "digest", "dirHash"], "0".repeat(64)],
    ["root", ["subject", 0, "digest", "sha256"], "0".repeat(64)],
    ["an input nobody named", [...external, "inputs"], []],
    ["a named input that is another", [...external, "inputs", 0, "name"], "other"],
    ["a dependency without a role", ["predicate", "buildDefinition", "resolvedDependencies", 0, "annotations"], {}],
    ["a run without its process", [...internal, "processes"], []],
    ["a process of another run", [...internal, "processes", 0, "id"], "run-2"],
    ["an exit code below 0", [...internal, "processes", 0, "exitCode"], -1],
    ["a time that is none", [...internal, "pushedAt"], "yesterday"],
    ["a commit that is none", [...internal, "git", "commit"], "main"],
    ["facts that are none", [...internal, "environment"], { a: {} }],
    ["no policy", [...internal, "policy"], undefined],
  ])("refused: %s", (_, at, value) => {
    const statement = at.length === 0 ? (value ?? null) : changed(at, value);
    expect(() => readStatement(statement)).toThrowError(expect.objectContaining({ code: "INTEGRITY" }));
  });

  test("nothing is signed that readers would refuse", () => {
    const content = { ...manifest(), dirHash: "0".repeat(64) };
    expect(() => buildStatement(content)).toThrowError(expect.objectContaining({ code: "INTEGRITY" }));
  });
});

test("dirHash is what coreutils compute for a real folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "cloister-test-"));
  try {
    const files = ["b", "a/b", "a.b", "a b", "é/ñ", "\u{1f600}", "\uff5e", "a/b.c"].map((name) => file(name));
    for (const { path: name } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), name);
    }
    // -d '\n': names with spaces, which the pipeline as printed in the in-toto specification splits.
    const pipeline =
      "find . -type f | cut -c3- | LC_ALL=C sort | xargs -r -d '\\n' sha256sum | sha256sum | cut -f1 -d' '";
    const printed = execFileSync("bash", ["-c", pipeline], { cwd: folder, encoding: "utf8" }).trim();
    expect(folderDigests(files).dirHash).toBe(printed);
    expect(readStatement(stored(manifest(files))).dirHash).toBe(printed);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
