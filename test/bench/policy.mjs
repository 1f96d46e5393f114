// What a decision costs: with the policy of a whole project, and with one of 1,000 members and 200 rules. In one process,
// medians; loading from the cache as whole processes, in turn with a bare Node.
// Usage: npm run bench:policy [RUNS], after npm run build
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadCedar } from "../../dist/policy/cedar.js";
import { compilePolicy } from "../../dist/policy/compile.js";
import { decideWith } from "../../dist/policy/decide.js";
import { readPolicy } from "../../dist/policy/read.js";
import { median } from "./common.mjs";
import { largePolicy, policyText } from "./policies.mjs";

const RUNS = Number(process.argv[2] ?? 25);
const DECISIONS = 200;
const folder = mkdtempSync(join(tmpdir(), "cloister-bench-policy-"));

const show = (what, ms, target) => {
  const aim = target === undefined ? "" : `   target ${String(target)} ms`;
  console.log(`${what.padEnd(58)} ${ms.toFixed(2).padStart(8)} ms${aim}`);
};

function compiled(text) {
  const { policy, problems } = readPolicy(Buffer.from(text), { now: 0 });
  if (!policy) throw new Error(JSON.stringify(problems.find(({ severity }) => severity === "error")));
  return compilePolicy(policy, "0".repeat(64));
}

/** Median of one decision, after the first have warmed it up. */
function decisionMs(cedar, policy, request) {
  const times = Array.from({ length: DECISIONS + 20 }, () => {
    const began = performance.now();
    decideWith(cedar, policy, request);
    return performance.now() - began;
  });
  return median(times.slice(20));
}

/** Median wall time of a process, and of a bare one in turn with it. */
function processMs(source) {
  const file = join(folder, "load.mjs");
  writeFileSync(file, source);
  const time = (args) => {
    const began = performance.now();
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] });
    if (status !== 0) throw new Error(stderr.toString());
    return performance.now() - began;
  };
  const pairs = Array.from({ length: RUNS }, () => [time(["-e", "0"]), time([file])]);
  return [median(pairs.map(([bare]) => bare)), median(pairs.map(([, ours]) => ours))];
}

try {
  const example = compiled(policyText());
  const cedar = await loadCedar();
  const facts = { pushedBy: "dee", approvals: ["omar", "ana"], grant: { approvals: ["omar", "ana"], ageMs: 1000 } };
  const question = {
    member: "bo",
    now: 0,
    domain: "churn",
    purpose: "churn-modelling",
    kind: "model",
    governance: facts,
  };
  console.log(`Node ${process.versions.node}, medians of ${DECISIONS} decisions and of ${RUNS} processes`);
  const pull = { ...question, action: "artifact.pull", class: "restricted" };
  show("allowed: pull of restricted with a grant", decisionMs(cedar, example, pull), 5);
  const lacking = { ...pull, governance: {} };
  show("refused and explained: the same without a grant", decisionMs(cedar, example, lacking), 5);
  const exported = { ...question, action: "artifact.export", class: "restricted", governance: {} };
  show("refused and explained: export, six conditions unmet", decisionMs(cedar, example, exported), 5);

  const cache = join(folder, "compiled.json");
  writeFileSync(cache, JSON.stringify(example));
  const room = (file) => JSON.stringify(fileURLToPath(new URL(`../../dist/policy/${file}`, import.meta.url)));
  const load = `import { readFileSync } from "node:fs";
    import { parseCompiled } from ${room("compiled.js")};
    const policy = parseCompiled(readFileSync(${JSON.stringify(cache)}), "${"0".repeat(64)}");
    if (!policy) throw new Error("not read");`;
  const [bare, loaded] = processMs(load);
  show(`load from the cache, over bare Node (${bare.toFixed(0)} ms)`, loaded - bare, 120);
  const [bareThen, asked] = processMs(`${load}
    import { decide } from ${room("decide.js")};
    const { allow } = await decide(policy, ${JSON.stringify(pull)});
    if (!allow) throw new Error("refused");`);
  show(`with Cedar and a first answer, over bare Node (${bareThen.toFixed(0)} ms)`, asked - bareThen);

  const large = compiled(largePolicy(1000, 200));
  const bytes = (JSON.stringify(large).length / 1e6).toFixed(1);
  console.log(`1,000 members and 200 rules: ${bytes} MB compiled`);
  const first = { ...pull, member: "m999", class: "internal" };
  show("allowed", decisionMs(cedar, large, first), 50);
  show("refused and explained", decisionMs(cedar, large, { ...first, class: "restricted", governance: {} }), 50);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
