// Runs the cases of a policy's test file. Nothing is signed, logged or asked of the store, unless a version of it is named.
import { dirname, join, resolve } from "node:path";
import { sha256Hex } from "../../base/digest.ts";
import { CloisterError } from "../../base/errors.ts";
import { loadCedar } from "../../policy/cedar.ts";
import { mutate } from "../../policy/check/mutate.ts";
import { readCases } from "../../policy/check/read-cases.ts";
import { type CaseResult, runCase } from "../../policy/check/run-cases.ts";
import { withStandIns } from "../../policy/check/stand-ins.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { Host } from "../host.ts";
import { readLocal } from "../local-file.ts";
import type { PolicyCaseResult, PolicyTested, PolicyTestOptions } from "../types.ts";
import { PolicySources, projectFile } from "./source.ts";

const TEST_FILE = "cloister.policy.test.yaml";
const TEST_BYTES_MAX = 1_000_000;

/** @throws CloisterError NOT_FOUND, USAGE where the policy has mistakes; mistakes of the cases are in the result */
export async function testPolicy(host: Host, folder: string, options: PolicyTestOptions): Promise<PolicyTested> {
  const { title, policy } = await new PolicySources(host, folder).read(options.policy);
  const file = options.cases ?? TEST_FILE;
  const path = options.cases === undefined ? join(dirname(projectFile(folder)), TEST_FILE) : resolve(host.cwd, file);
  const bytes = await readLocal(path, TEST_BYTES_MAX);
  if (!bytes) {
    throw new CloisterError("NOT_FOUND", `there is no test file ${file}`, {
      why: "it holds the cases: who may do what, and by which rule",
      next: "write one (docs/policy-testing.md), or name it: cloister policy test FILE",
    });
  }
  const { file: read, problems } = readCases(bytes, policy);
  if (!read) return { file, policy: title, problems, ok: false, results: [] };
  const [cedar, now] = [await loadCedar(true), host.now()];
  const compiled = compilePolicy(withStandIns(policy, read.standIns), sha256Hex(bytes));
  const results = read.cases.map((each) => runCase(cedar, compiled, each, now));
  const green = results.every(({ passed }) => passed);
  const tested = { file, policy: title, problems, results: results.map(resultOf) };
  if (!options.mutate || !green) return { ...tested, ok: green };
  // A removal shows only where everything passed before.
  const mutation = mutate(cedar, policy, read.standIns, results, now);
  return { ...tested, ok: mutation.survivors.length === 0, mutation };
}

function resultOf({ case: each, passed, decision }: CaseResult): PolicyCaseResult {
  const { name, line, who, expect, rule } = each;
  const decided = decision.allow
    ? decision.by.map((by) => ({ rule: by.rule, line: by.line, why: by.text }))
    : decision.refusals.map((refusal) => ({ rule: refusal.rule, line: refusal.line, why: refusal.why }));
  const { action } = each.request;
  return { name, line, passed, who, action, expect, rule, allow: decision.allow, decided };
}
