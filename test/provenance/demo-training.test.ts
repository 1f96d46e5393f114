// The demo's data and training script: what people see first must work, and give the same model for the same seed.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const demo = fileURLToPath(new URL("../../templates/demo/", import.meta.url));
const base = mkdtempSync(join(tmpdir(), "cloister-test-"));

beforeAll(() => {
  execFileSync(process.execPath, [join(demo, "generate.mjs"), join(base, "inputs/customers")]);
});

afterAll(() => {
  rmSync(base, { recursive: true });
});

/** Trains as the sandbox does, with nothing but the seed in the environment. */
function train(seed: string, to: string): Record<string, string> {
  const out = join(base, to);
  execFileSync(process.execPath, [join(demo, "train.mjs"), join(base, "inputs"), out], {
    env: { CLOISTER_SEED: seed },
  });
  return Object.fromEntries(readdirSync(out).map((name) => [name, readFileSync(join(out, name), "utf8")]));
}

test("the data are the same each time, look confidential, and say that they are synthetic", () => {
  execFileSync(process.execPath, [join(demo, "generate.mjs"), join(base, "again")]);
  const read = (folder: string, name: string) => readFileSync(join(base, folder, name), "utf8");
  const csv = read("again", "customers.csv");
  expect(csv).toBe(read("inputs/customers", "customers.csv"));
  expect(csv.trim().split("\n")).toHaveLength(5001);
  expect(csv).toMatch(/^customer_id,email,/);
  expect(read("again", "README.md")).toMatch(/synthetic/i);
});

test("two runs with one seed are identical, another seed gives another model", () => {
  const first = train("7", "one");
  expect(Object.keys(first).sort()).toEqual(["README.md", "metrics.json", "model.json"]);
  expect(train("7", "two")).toEqual(first);
  expect(train("8", "three")["model.json"]).not.toBe(first["model.json"]);
});

test("the model learns, and not from the columns that name people", () => {
  const { "metrics.json": metrics = "", "model.json": model = "" } = train("1", "four");
  expect(JSON.parse(metrics).auc).toBeGreaterThan(0.75);
  expect(JSON.parse(metrics).accuracy).toBeGreaterThan(0.77);
  expect(model).not.toMatch(/email|customer_id/);
});

test("both scripts say what is wrong", () => {
  const usage = spawnSync(process.execPath, [join(demo, "generate.mjs"), base, "many"], { encoding: "utf8" });
  expect([usage.status, usage.stderr]).toEqual([2, "usage: node generate.mjs OUT_DIR [ROWS]\n"]);
  const empty = spawnSync(process.execPath, [join(demo, "train.mjs"), demo, base], { encoding: "utf8" });
  expect(empty.status).toBe(1);
  expect(empty.stderr).toMatch(/no CSV file with a column "churned"/);
});
