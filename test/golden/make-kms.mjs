#!/usr/bin/env node
// Makes the golden store of a project whose classes are under AWS KMS, with the KMS of the tests and a key everybody knows.
//
//   npx tsc -b && node test/golden/make-kms.mjs        writes test/golden/v1-kms, which must not exist
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workshop, write } from "./making.mjs";

const DOMAIN = "churn";
const PURPOSE = "churn-modelling";
/** `TestKms.key` makes the same key of it every time. */
const SEED = "golden";

const README = `# Golden store v1-kms

A store as \`test/golden/make-kms.mjs\` made it, never changed since. Its classes are under a KMS key, in two epochs. Every
later version of Cloister must read it, and so must \`test/interop/reader/cloister_reader.py\`. \`expected.json\` says what is in it.

The key is that of \`test/aws/kms-server.ts\` for the seed \`${SEED}\`. **It and the keys in \`TEST-KEYS-known-to-everybody\` are
public.** They open this store and nothing else. Never put them into a policy, never encrypt anything to them.
`;

const root = join(import.meta.dirname, "../..");
const built = mkdtempSync(join(tmpdir(), "cloister-golden-kms-"));
const { server, url, key } = await startKms();
const aws = { AWS_ENDPOINT_URL_KMS: url, AWS_ACCESS_KEY_ID: "GOLDEN", AWS_SECRET_ACCESS_KEY: "golden" };
const { work, store, cloister, lastForEver, expected, keep, end } = workshop("v1-kms", aws);

try {
  const init = ["init", ".", "--template", "demo", "--project", "golden", "--store", store, "--yes"];
  const who = ["--as", "steward", "--name", "Test steward", "--kms", key, "--bucket", "golden-kms"];
  cloister("steward", [...init, ...who, "--domain", DOMAIN, "--purpose", PURPOSE]);
  lastForEver("steward");
  const joined = cloister("scientist", ["join", store, ".", "--as", "scientist", "--name", "Test scientist"]);
  cloister("steward", ["member", "add", joined.line, "--role", "data-scientist", "--yes"]);

  const data = join(work, "data");
  write(data, "rows.csv", "id,value\n1,2\n");
  const push = ["--class", "internal", "--purpose", PURPOSE];
  expected(cloister("steward", ["push", data, "--name", `${DOMAIN}/customers:1.0`, ...push]), data);
  const secret = join(work, "secret");
  write(secret, "accounts.csv", "account,balance\n1,100\n");
  const confidential = ["--class", "confidential", "--purpose", PURPOSE];
  expected(cloister("scientist", ["push", secret, "--name", `${DOMAIN}/accounts`, ...confidential]), secret);

  // The second version: under new keys, with what the first one stored.
  cloister("steward", ["key", "rotate", "--yes"]);
  write(data, "more.csv", "id\n2\n");
  expected(cloister("scientist", ["push", data, "--name", `${DOMAIN}/customers`, ...push]), data);

  keep(["steward", "scientist"], PURPOSE, README, { kms: { key, seed: SEED } });
} finally {
  end();
  server.kill();
  rmSync(built, { recursive: true, force: true });
}

/** In a process of its own, because this one waits for each command. */
async function startKms() {
  const flags = ["--ignoreConfig", "--module", "nodenext", "--target", "es2022", "--rewriteRelativeImportExtensions"];
  const types = ["--skipLibCheck", "--types", "node", "--typeRoots", join(root, "node_modules/@types")];
  const source = join(root, "test/aws/kms-server.ts");
  writeFileSync(join(built, "package.json"), '{"type":"module"}');
  symlinkSync(join(root, "node_modules"), join(built, "node_modules"));
  spawnSync("npx", ["tsc", ...flags, ...types, "--outDir", built, source], { cwd: root, stdio: "inherit" });
  const lines = [
    'import { TestKms } from "./kms-server.js";',
    "const kms = new TestKms();",
    'kms.allow("GOLDEN");',
    `process.stdout.write(JSON.stringify({ url: await kms.start(), key: kms.key({ seed: ${JSON.stringify(SEED)} }) }));`,
  ];
  writeFileSync(join(built, "serve.js"), lines.join("\n"));
  const child = spawn(process.execPath, [join(built, "serve.js")], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  return { server: child, ...JSON.parse(said) };
}
