// Secrets by other people's programs: the Python reader agrees on a log with secrets in it, and age opens what is sealed.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { keyFileName } from "../../src/operations/class-keys.ts";
import type { Host } from "../../src/operations/host.ts";
import { readSecret } from "../../src/operations/secret/record.ts";
import { rotateSecret } from "../../src/operations/secret/rotate.ts";
import { removeSecret, setSecret } from "../../src/operations/secret/write.ts";
import { makeProject, randomFiles, scratch, sessionOf } from "../operations/project.ts";
import { lacking, reader } from "./python-reader.ts";

const needs = lacking === "" ? "" : ` (skipped: needs ${lacking})`;

/** An entry that gives a number far ahead: a program that took it for good would count another log than we do. */
async function logInadmissible(host: Host): Promise<void> {
  const session = await sessionOf(host);
  await session.sync();
  session.ledger.secrets.mayBeGiven = () => true;
  const { version: policy } = session.ledger.inForce;
  const { project } = session.config;
  const common = {
    project,
    operation: "ab".repeat(16),
    action: "secret.write",
    policy,
    domain: "churn",
    class: "public",
  };
  const facts = { secretId: "cd".repeat(32), number: 9, digest: "ef".repeat(32), epoch: 1 };
  for (const phase of ["intent", "done"] as const) {
    const timeMs = Math.floor(await session.store.now());
    const entry = { ...common, phase, timeMs, rules: ["role:steward"], enforcement: "advisory", facts };
    await session.append(await session.identity(), () => entry);
  }
  // What this device took for true, an honest program has never seen.
  rmSync(join(host.home, ".local"), { recursive: true });
}

describe.skipIf(lacking !== "")(`secrets${needs}`, () => {
  test("are opened by age, and their entries counted by the Python reader", async () => {
    const folder = scratch();
    const host = await makeProject(folder);
    const value = (text: string) => async () => Buffer.from(text);
    for (const name of ["db", "api"]) {
      await setSecret(await sessionOf(host), { name, class: "internal", value: value(`${name}-1`), rotateMs: 1000 });
    }
    await rotateSecret(await sessionOf(host), { name: "db", value: value("db-2") });
    await removeSecret(await sessionOf(host), { name: "api" });
    await setSecret(await sessionOf(host), { name: "api", class: "public", value: value("api-2") });
    await logInadmissible(host);
    const { path } = randomFiles(host.cwd);
    await push(await sessionOf(host), { source: { path }, name: "cohort:1", class: "internal" });
    const session = await sessionOf(host);
    const identity = await session.identity();
    const device = join(folder, "device.key");
    writeFileSync(device, `${identity.ageSecret}\n`, { mode: 0o600 });

    const out = join(folder, "out");
    const read = execFileSync(reader[0], [reader[1], join(folder, "store"), device, "churn/cohort:1", out], {
      stdio: "pipe",
    });
    expect(JSON.parse(read.toString())).toMatchObject({ number: 1, files: 3 });
    expect(readFileSync(join(out, "a.csv"))).toEqual(readFileSync(join(path, "a.csv")));

    const keyFile = join(folder, "store", keyFileName("churn/internal/1", identity.reads));
    const classKey = join(folder, "class.key");
    writeFileSync(classKey, execFileSync("age", ["-d", "-i", device, keyFile]), { mode: 0o600 });
    const root = join(folder, "store/secrets/churn/internal");
    const records = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) =>
      /-[0-9a-f]{64}$/.test(name),
    );
    const values = records.map((name) => {
      const { record } = readSecret(readFileSync(join(root, name)));
      const plain = execFileSync("age", ["-d", "-i", classKey], { input: Buffer.from(record.value, "base64") });
      const length = Number(plain.readBigUInt64BE());
      const inside = JSON.parse(plain.subarray(8, 8 + length).toString());
      expect(inside).toMatchObject({ cloister: "secret-value@1", secretId: record.secretId, number: record.number });
      return Buffer.from(inside.value, "base64url").toString();
    });
    expect(values.sort()).toEqual(["db-1", "db-2"]);
  });
});
