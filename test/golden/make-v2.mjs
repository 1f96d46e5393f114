#!/usr/bin/env node
// Makes the golden store of trees with compressed chunks, batches of small files and cuts at tensors, and of everything that
// can become of a version: stages, tags, statements, retirement, destroyed keys, a lower class, another domain.
//
//   npm run build && node test/golden/make-v2.mjs        writes test/golden/v2, which must not exist
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EXPIRES, noise, workshop, write } from "./making.mjs";

const DOMAIN = "churn";
const OTHER_DOMAIN = "marketing";
const PURPOSE = "churn-modelling";
const WHY = ["--why", "as the golden store needs it"];

const README = `# Golden store v2

A store as \`test/golden/make-v2.mjs\` made it, never changed since. Every later version of Cloister must read it, and so must
\`test/interop/reader/cloister_reader.py\`. \`expected.json\` says what is in it.

**The keys in \`TEST-KEYS-known-to-everybody\` are public.** They open this store and nothing else. Never put them into a
policy, never encrypt anything to them.
`;

const NOTE = "no complaints in this period, and none in the one before it; asked again next year";

/** A table that compresses as tables do. */
function rows(from, count) {
  const plans = ["basic", "plus", "pro"];
  const row = (i) => `{"id":${i},"plan":"${plans[i % 3]}","months":${(i * 7) % 12},"churned":${i % 5 === 0},"note":"${NOTE}"}\n`;
  return Array.from({ length: count }, (_, i) => row(from + i)).join("");
}

/** A safetensors file of 32-bit numbers; each tensor's numbers follow from where it starts. */
function safetensors(tensors) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const { name, count, start } of tensors) {
    const bytes = Buffer.alloc(count * 4);
    for (let i = 0; i < count; i++) bytes.writeFloatLE(start + (i % 97) / 128 + Math.floor(i / 8192), i * 4);
    header[name] = { dtype: "F32", shape: [count], data_offsets: [at, at + bytes.length] };
    parts.push(bytes);
    at += bytes.length;
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

function writeDataset(folder) {
  write(folder, "empty.csv", "");
  mkdirSync(join(folder, "empty-folder"), { recursive: true });
  write(folder, "clean.sh", "#!/bin/sh\nexit 0\n", 0o755);
  write(folder, "größe/naïve 数据.csv", "id\n1\n");
  write(folder, "noise.bin", noise(5_000, "v2"));
  for (let i = 0; i < 24; i++) write(folder, `small/${String(i).padStart(2, "0")}.json`, rows(i * 10, 10));
  // A batch of small files ends with this one: what comes after it is another stream.
  write(folder, "small/07-1598.json", rows(7, 3));
  // Over 1 MiB: cut as a stream of its own, compressed.
  write(folder, "rows.jsonl", rows(0, 8_000));
}

function writeModel(folder, head) {
  const layers = [
    { name: "embedding", count: 150_000, start: 1 },
    { name: "layer.0.bias", count: 64, start: 2 },
    { name: "layer.0.weight", count: 120_000, start: 3 },
    { name: "head", count: 30_000, start: head },
  ];
  write(folder, "model.safetensors", safetensors(layers));
  write(folder, "config.json", '{"layers":1}\n');
}

const { work, store, cloister, expected, keep, end } = workshop("v2");

try {
  const init = ["init", ".", "--template", "team", "--project", "golden", "--store", store, "--yes"];
  const who = ["--as", "steward", "--name", "Test steward"];
  cloister("steward", [...init, ...who, "--domain", DOMAIN, "--purpose", PURPOSE]);
  const file = join(work, "steward/cloister.policy.yaml");
  const policy = readFileSync(file, "utf8")
    .replace(/^expires: \S+/m, `expires: ${EXPIRES}`)
    .replace(/^( {2}churn: .*)$/m, `$1\n  ${OTHER_DOMAIN}: { owner: steward, epoch: 1 }`)
    // A machine without a sandbox can make this store, too.
    .replace("require: { fields: [owner, licence], provenance: run }", "require: { fields: [owner, licence] }");
  writeFileSync(file, policy);
  cloister("steward", ["policy", "propose", "--yes"]);
  for (const [id, role] of [["scientist", "data-scientist"], ["reviewer", "reviewer"]]) {
    const joined = cloister(id, ["join", store, ".", "--as", id, "--name", `Test ${id}`]);
    cloister("steward", ["member", "add", joined.line, "--role", role, "--yes"]);
  }
  /** Asks for consent, and has it given by somebody who may. */
  const approved = (member, kind, args) => {
    const purpose = kind === "promote" ? [] : ["--purpose", PURPOSE];
    const { id } = cloister(member, ["request", "create", kind, ...args, ...purpose, ...WHY]);
    const approver = member === "scientist" ? "steward" : "reviewer";
    cloister(approver, ["request", "approve", id, "--yes"]);
  };

  // A data set in two versions. The second finds what the first stored, and is cut anew where it changed.
  const data = join(work, "data");
  writeDataset(data);
  const internal = ["--class", "internal", "--purpose", PURPOSE];
  const first = cloister("steward", ["push", data, "--name", `${DOMAIN}/customers:1.0`, ...internal]);
  expected(first, data, ["clean.sh"]);
  write(data, "rows.jsonl", `${rows(0, 4_000)}${rows(50_000, 100)}${rows(4_100, 3_900)}${rows(8_000, 50)}`);
  write(data, "small/07a.json", rows(900, 10));
  rmSync(join(data, "small/15.json"));
  const second = cloister("scientist", ["push", data, "--name", `${DOMAIN}/customers`, ...internal]);
  expected(second, data, ["clean.sh"]);

  // A model: the first is promoted and tagged, the second found again but for its head.
  const model = join(work, "model");
  writeModel(model, 4);
  const asModel = ["--kind", "model", "--owner", "steward", "--licence", "Apache-2.0", ...internal];
  const risk = `${DOMAIN}/risk`;
  const one = cloister("scientist", ["push", model, "--name", `${risk}:1.0`, ...asModel]);
  expected(one, model);
  writeModel(model, 5);
  const two = cloister("scientist", ["push", model, "--name", risk, ...asModel]);
  expected(two, model);
  const report = join(work, "report.txt");
  writeFileSync(report, "All tests passed.\n");
  const attest = (member, ref, type, result) =>
    cloister(member, ["artifact", "attest", ref, report, "--type", type, "--result", result]);
  attest("steward", `${risk}:1.0`, "tests-passed", "fail");
  attest("steward", `${risk}:1.0`, "tests-passed", "pass");
  attest("reviewer", `${risk}:1.0`, "bias-review", "pass");
  attest("reviewer", `${risk}:v2`, "tests-passed", "fail");
  approved("scientist", "promote", [`${risk}:1.0`, "--to", "production"]);
  cloister("scientist", ["artifact", "promote", `${risk}:1.0`, "--to", "production"]);
  cloister("scientist", ["artifact", "tag", `${risk}:1.0`, "champion"]);
  cloister("scientist", ["artifact", "tag", `${risk}:v2`, "champion"]);
  cloister("steward", ["artifact", "tag", `${risk}:1.0`, "audited"]);

  // Of two reports one is in use again and held, and the keys of the newer one are destroyed.
  const reports = join(work, "reports");
  const asReport = ["--kind", "report", ...internal];
  const weekly = `${DOMAIN}/weekly`;
  for (const label of ["a", "b"]) {
    write(reports, "week.csv", `id\n${label}\n`);
    const pushed = cloister("steward", ["push", reports, "--name", `${weekly}:${label}`, ...asReport]);
    if (label === "a") expected(pushed, reports);
    cloister("steward", ["artifact", "retire", `${weekly}:${label}`, ...WHY]);
  }
  cloister("steward", ["artifact", "restore", `${weekly}:a`, ...WHY]);
  cloister("steward", ["artifact", "hold", `${weekly}:a`, ...WHY]);
  cloister("steward", ["artifact", "shred-keys", `${weekly}:b`, ...WHY, "--yes"]);

  // What was brought over: from a higher class, and to another domain.
  const secret = join(work, "secret");
  write(secret, "accounts.csv", "account,balance\n1,100\n");
  const confidential = ["--kind", "report", "--class", "confidential", "--purpose", PURPOSE];
  const accounts = `${DOMAIN}/accounts`;
  expected(cloister("scientist", ["push", secret, "--name", accounts, ...confidential]), secret);
  const lower = [`${accounts}:v1`, "--to", "internal"];
  approved("scientist", "declassify", lower);
  const below = cloister("scientist", ["artifact", "declassify", ...lower, "--purpose", PURPOSE, ...WHY]);
  expected(below, secret);
  cloister("steward", ["artifact", "retire", `${accounts}:v1`, ...WHY]);
  const across = [`${risk}:1.0`, "--to", `domain:${OTHER_DOMAIN}`];
  approved("scientist", "export", across);
  cloister("scientist", ["artifact", "export", ...across, "--purpose", PURPOSE, ...WHY]);
  const there = cloister("scientist", ["show", `${OTHER_DOMAIN}/risk`]);
  writeModel(model, 4);
  expected(there, model);

  const words = {
    ...{ [`${DOMAIN}/customers`]: second, [`${DOMAIN}/customers:dev`]: second, [risk]: two, [`${risk}:dev`]: two },
    ...{ [`${risk}:production`]: one, [`${risk}:audited`]: one, [`${risk}:champion`]: two, [accounts]: below },
  };
  const leads = Object.fromEntries(Object.entries(words).map(([word, { versionId }]) => [word, versionId]));
  keep(["steward", "scientist", "reviewer"], PURPOSE, README, { leads, gone: [`${weekly}:b`, `${weekly}:v2`] });
} finally {
  end();
}
