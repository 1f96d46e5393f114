#!/usr/bin/env node
// Makes the golden store: a small real project, written with the built command line, that every later version must read.
//
//   npx tsc -b && node test/golden/make.mjs            writes test/golden/v1, which must not exist
//
// It was run once for each version of the format; a new version of the format gets a folder of its own (v2, …), and the
// old ones stay. The model comes from a recorded run, so the machine needs a working sandbox (cloister doctor).
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { noise, workshop, write } from "./making.mjs";

const DOMAIN = "churn";
const PURPOSE = "churn-modelling";

const README = `# Golden store v1

A store as \`test/golden/make.mjs\` made it, never changed since. Every later version of Cloister must read it, and so must
\`test/interop/reader/cloister_reader.py\`. \`expected.json\` says what is in it.

**The keys in \`TEST-KEYS-known-to-everybody\` are public.** They open this store and nothing else. Never put them into a
policy, never encrypt anything to them.
`;

/** One of each: what a tree can hold, and what readers get wrong. */
function writeDataset(folder) {
  write(folder, "empty.csv", "");
  mkdirSync(join(folder, "empty-folder"), { recursive: true });
  mkdirSync(join(folder, "nested/also-empty"), { recursive: true });
  write(folder, "clean.sh", "#!/bin/sh\nexit 0\n", 0o755);
  write(folder, "nested/deep/er/rows.csv", "id,value\n1,2\n");
  write(folder, "größe/naïve 数据.csv", "id\n1\n");
  // UTF-8 order differs from UTF-16 order in these two.
  write(folder, "order/\u{ff21}.txt", "fullwidth\n");
  write(folder, "order/\u{1f600}.txt", "astral\n");
  write(folder, "same-1.bin", noise(20_000, "same"));
  write(folder, "same-2.bin", noise(20_000, "same"));
  // Over 1 MiB: cut as a stream of its own, into several chunks.
  write(folder, "large.bin", noise(1_200_000, "large"));
}

const { work, store, cloister, lastForEver, expected, keep, end } = workshop("v1");

try {
  const init = ["init", ".", "--template", "demo", "--project", "golden", "--store", store, "--yes"];
  const who = ["--as", "steward", "--name", "Test steward"];
  cloister("steward", [...init, ...who, "--domain", DOMAIN, "--purpose", PURPOSE]);
  lastForEver("steward");
  const joined = cloister("scientist", ["join", store, ".", "--as", "scientist", "--name", "Test scientist"]);
  cloister("steward", ["member", "add", joined.line, "--role", "data-scientist", "--yes"]);

  const data = join(work, "data");
  writeDataset(data);
  const push = ["--class", "internal", "--purpose", PURPOSE];
  const first = cloister("steward", ["push", data, "--name", `${DOMAIN}/customers:1.0`, ...push]);
  expected(first, data, ["clean.sh"]);

  // The second version: one file changed in its middle, one more, one gone. The rest is found again, not stored again.
  const large = noise(1_200_000, "large");
  write(data, "large.bin", Buffer.concat([large.subarray(0, 600_000), Buffer.from("inserted"), large.subarray(600_000)]));
  write(data, "more.csv", "id\n2\n");
  rmSync(join(data, "same-2.bin"));
  const second = cloister("steward", ["push", data, "--name", `${DOMAIN}/customers`, ...push]);
  expected(second, data, ["clean.sh"]);

  // A class that the scientist reads only inside a workspace.
  const secret = join(work, "secret");
  write(secret, "accounts.csv", "account,balance\n1,100\n");
  const confidential = ["--class", "confidential", "--purpose", PURPOSE, "--owner", "steward", "--licence", "CC0-1.0"];
  expected(cloister("steward", ["push", secret, "--name", `${DOMAIN}/accounts`, ...confidential]), secret);

  const input = ["--input", `${DOMAIN}/customers:1.0:/inputs/customers`, "--purpose", PURPOSE];
  cloister("scientist", ["workspace", "create", "train", ...input]);
  const script = 'mkdir -p /workspace/model && cat "/inputs/customers/nested/deep/er/rows.csv" > /workspace/model/weights.txt';
  cloister("scientist", ["run", "train", "--seed", "7", "--", "sh", "-c", script]);
  const model = ["--kind", "model", "--owner", "steward", "--licence", "Apache-2.0", "--purpose", PURPOSE];
  const pushed = cloister("scientist", ["push", "model", "--from", "train", "--name", `${DOMAIN}/risk:1.0`, ...model]);
  cloister("scientist", ["workspace", "destroy", "train", "--yes"]);
  const weights = join(work, "weights");
  write(weights, "weights.txt", "id,value\n1,2\n");
  expected(pushed, weights);

  keep(["steward", "scientist"], PURPOSE, README);
} finally {
  end();
}
