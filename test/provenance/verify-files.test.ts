import { expect, test } from "vitest";
import { buildStatement } from "../../src/provenance/statement.ts";
import { readStatement } from "../../src/provenance/statement-reader.ts";
import { verifyFiles } from "../../src/provenance/verify-files.ts";
import { file, manifest } from "./sample.ts";

const read = (names: readonly string[]) => readStatement(buildStatement(manifest(names.map((name) => file(name)))));

async function* found(names: readonly string[], touched: readonly string[] = []) {
  for (const name of names) yield file(name, touched.includes(name) ? "touched" : name);
}

const many = Array.from({ length: 1003 }, (_, at) => `f${String(at).padStart(4, "0")}`);
const nothing = { changed: [], missing: [], extra: [], unlisted: false };

test("the same files in any order", async () => {
  expect(await verifyFiles(read(["a", "b", "c/d"]), found(["c/d", "a", "b"]))).toEqual({ ok: true, ...nothing });
  expect(await verifyFiles(read([]), found([]))).toEqual({ ok: true, ...nothing });
  expect(await verifyFiles(read(many), found(many))).toEqual({ ok: true, ...nothing });
});

test("each difference is named", async () => {
  const differences = await verifyFiles(read(["a", "b", "c"]), found(["x", "a", "b", "0"], ["b"]));
  expect(differences).toEqual({ ok: false, changed: ["b"], missing: ["c"], extra: ["0", "x"], unlisted: false });
});

test("a path that is reported twice does not hide a missing one", async () => {
  expect((await verifyFiles(read(["a", "b"]), found(["a", "a"]))).ok).toBe(false);
});

test("beyond the 1,000 listed files a difference is seen, though not named", async () => {
  const beyond = await verifyFiles(read(many), found(many, ["f1001"]));
  expect(beyond).toEqual({ ok: false, ...nothing, unlisted: true });
  expect((await verifyFiles(read(many), found(many.slice(0, -1)))).unlisted).toBe(true);
  expect((await verifyFiles(read(many), found([...many, "g"]))).unlisted).toBe(true);
});

test("a difference among the listed files of many is named and not blamed on the others", async () => {
  const differences = await verifyFiles(read(many), found([...many.slice(2), "a"], ["f0005"]));
  const named = { changed: ["f0005"], missing: ["f0000", "f0001"], extra: ["a"] };
  expect(differences).toEqual({ ok: false, ...named, unlisted: false });
});
