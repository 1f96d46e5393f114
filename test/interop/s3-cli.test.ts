// The real program with a bucket as its store, as two people use it.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuditVerified, Created, Diagnosis, Pushed, Status, StoreCopied, Verified } from "../../src/index.ts";
import {
  filesBelow,
  HAS_SANDBOX,
  holders,
  type Member,
  marker,
  randomText,
  type SpawnOptions,
  World,
} from "../acceptance/harness.ts";
import {
  clientOf,
  environmentOf,
  NO_RADOSGW,
  newBucket,
  PLAIN,
  RADOSGW_START_MS,
  type Radosgw,
  startRadosgw,
} from "./radosgw/radosgw.ts";

const world = new World();
const secret = marker();
let server: Radosgw;
let bucket: string;
let ana: Member;
let bo: Member;

/** A person with credentials for the bucket in their environment. */
function member(id: string, env: Readonly<Record<string, string>> = environmentOf(PLAIN)): Member {
  const made = world.member(id);
  Object.assign(made.env, env);
  return made;
}

async function keysIn(prefix: string): Promise<readonly string[]> {
  const { Contents = [] } = await clientOf(server.endpoint).send(
    new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }),
  );
  return Contents.map(({ Key = "" }) => Key);
}

const reach = () => ["--endpoint", server.endpoint];
const init = (store: string, ...more: readonly string[]) =>
  ["init", "--template", "demo", "--project", "churn", "--store", store, ...reach(), "--yes", ...more] as const;

describe.skipIf(NO_RADOSGW !== "")(`cloister on S3${NO_RADOSGW}`, () => {
  beforeAll(async () => {
    server = await startRadosgw();
    bucket = await newBucket(server);
    ana = member("ana");
  }, RADOSGW_START_MS);
  afterAll(() => server.stop());

  test("init tries the server out, sets up, and leaves nothing but the project", async () => {
    const plan = await ana.json<Created>(...init(`s3://${bucket}/churn`, "--as", "ana", "--dry-run"));
    expect(plan.store).toBe(`s3://${bucket}/churn`);
    expect(await keysIn("")).toEqual([]);
    const created = await ana.json<Created>(...init(`s3://${bucket}/churn`, "--as", "ana"));
    expect(created.store).toBe(`s3://${bucket}/churn`);
    expect(created.files).toEqual(plan.files);
    expect(created.files.every((file) => existsSync(file))).toBe(true);
    expect(filesBelow(join(ana.folder, ".cloister"))).toEqual(["config.yaml"]);
    expect((await keysIn("")).filter((key) => !/^churn\/(cloister$|policy|epochs|keys|log\/)/.test(key))).toEqual([]);
    const status = await ana.json<Status>("status");
    expect(status).toMatchObject({ store: `s3://${bucket}/churn`, endpoint: server.endpoint, warnings: [] });
    const { checks } = await ana.json<Diagnosis>("doctor");
    expect(checks.find(({ name }) => name === "store")).toMatchObject({
      state: "good",
      text: `s3://${bucket}/churn: of 16 racing writers of one name exactly one won`,
    });
    expect(await keysIn("churn/probe")).toEqual([]);
  });

  test("push, pull and verify, large and small, and nothing in clear lies in the bucket", async () => {
    const big = randomText(70_000_000);
    ana.files("data", { "a.csv": `${secret}\n`, "deep/er/b.csv": secret, "big.txt": big });
    const pushed = await ana.json<Pushed>(
      "push",
      "data",
      "--name",
      "cohort:1.0",
      "--class",
      "internal",
      "--kind",
      "report",
    );
    await ana.ok("pull", "cohort:1.0", "-o", "out", "--purpose", "modelling");
    expect(readFileSync(join(ana.folder, "out/big.txt"), "utf8") === big).toBe(true);
    expect(readFileSync(join(ana.folder, "out/deep/er/b.csv"), "utf8")).toBe(secret);
    for (const target of ["out", "cohort:1.0"]) {
      expect((await ana.json<Verified>("verify", target)).checks.filter(({ state }) => state !== "good")).toEqual([]);
    }
    const again = await ana.json<Pushed>(
      "push",
      "data",
      "--name",
      "cohort:1.1",
      "--class",
      "internal",
      "--kind",
      "report",
    );
    expect([again.digest, again.number]).toEqual([pushed.digest, 2]);
    // A copy into a folder is what the bucket holds.
    const copy = await ana.json<StoreCopied>("store", "copy", "../in-clear");
    expect(copy.newObjects).toBe((await keysIn("churn/")).length);
    expect(holders(join(world.root, "in-clear"), [secret, "cohort", "a.csv"])).toEqual([]);
  });

  test("a colleague joins by the address alone, works, and both see one unbroken log", async () => {
    bo = member("bo");
    const store = `s3://${bucket}/churn`;
    const { line } = await bo.json<{ line: string }>("join", store, ...reach(), "--as", "bo", "--name", "Bo");
    await ana.ok("member", "add", line, "--role", "steward", "--yes");
    await bo.ok("pull", "cohort:1.0", "-o", "out", "--purpose", "modelling");
    expect(readFileSync(join(bo.folder, "out/a.csv"), "utf8")).toBe(`${secret}\n`);
    const results = await Promise.all(
      [ana, bo].flatMap((who) =>
        Array.from({ length: 3 }, async (_, i) => {
          const folder = `race-${String(i)}`;
          who.files(folder, { x: `${who.id} ${folder}` });
          return who.json<Pushed>("push", folder, "--name", "raced", "--class", "internal", "--kind", "report");
        }),
      ),
    );
    expect(results.map(({ number }) => number).sort()).toEqual([1, 2, 3, 4, 5, 6]);
    const [seenByAna, seenByBo] = [
      await ana.json<AuditVerified>("audit", "verify"),
      await bo.json<AuditVerified>("audit", "verify"),
    ];
    expect([seenByAna.ok, seenByBo.ok, seenByAna.root]).toEqual([true, true, seenByBo.root]);
  }, 120_000);

  test.skipIf(!HAS_SANDBOX)(
    `a workspace mounts from the bucket${HAS_SANDBOX ? "" : " (skipped: no bubblewrap)"}`,
    async () => {
      await ana.ok("ws", "create", "w1", "--input", "cohort:1.0", "--purpose", "modelling");
      try {
        const ran = await ana.cli(
          "run",
          "w1",
          "--keep-output",
          "--",
          "sh",
          "-c",
          "cat /inputs/*/a.csv > /workspace/seen; env",
        );
        expect(ran.exit).toBe(0);
        expect(ran.out + ran.err).not.toContain(PLAIN.secretAccessKey);
      } finally {
        await ana.ok("ws", "destroy", "w1", "--yes");
      }
    },
  );

  test("tampering in the bucket is found: exit 6, nothing written", async () => {
    const client = clientOf(server.endpoint);
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "churn/packs/" }));
    const [largest] = Contents.sort((a, b) => (b.Size ?? 0) - (a.Size ?? 0));
    const object = { Bucket: bucket, Key: largest?.Key };
    const body = Buffer.from(
      (await (await client.send(new GetObjectCommand(object))).Body?.transformToByteArray()) ?? [],
    );
    const changed = Buffer.from(body);
    for (let at = 0; at < changed.length; at += 50_000) changed[at] = (changed[at] ?? 0) ^ 1;
    await client.send(new PutObjectCommand({ ...object, Body: changed }));
    expect(await ana.fails("pull", "cohort:1.0", "-o", "tampered", "--purpose", "modelling")).toMatchObject({
      ...{ exit: 6, code: "INTEGRITY" },
    });
    expect(existsSync(join(ana.folder, "tampered"))).toBe(false);
    await client.send(new PutObjectCommand({ ...object, Body: body }));
  });

  test("the store moves to a folder and back, whole, and goes on where an interrupted copy ended", async () => {
    const dry = await ana.json<StoreCopied>("store", "copy", "../moved", "--dry-run");
    expect([dry.newObjects, dry.dryRun, existsSync(join(world.root, "moved"))]).toEqual([dry.objects, true, false]);
    const copying = ana.start(["store", "copy", "../moved"]);
    while (filesBelow(join(world.root, "moved")).length < 12) await new Promise((resolve) => setTimeout(resolve, 5));
    copying.child.kill("SIGKILL");
    await copying.ended;
    expect(existsSync(join(world.root, "moved/cloister"))).toBe(false);
    const moved = await ana.json<StoreCopied>("store", "copy", "../moved", "--switch");
    expect(moved.newObjects).toBeLessThan(moved.objects);
    expect(moved).toMatchObject({ switched: true, to: join(world.root, "moved") });
    expect((await ana.json<Status>("status")).store).toBe(join(world.root, "moved"));
    expect((await ana.json<AuditVerified>("audit", "verify")).root).toBe(moved.root);
    ana.files("later-data", { x: "later" });
    await ana.ok("push", "later-data", "--name", "later", "--class", "internal", "--kind", "report");
    // Who still uses the old store is told, and cannot spoil the new one.
    expect(await bo.fails("store", "copy", "../moved")).toMatchObject({
      ...{ code: "USAGE", message: `${join(world.root, "moved")} has gone on without this store` },
      next: expect.stringContaining(`cloister join ${join(world.root, "moved")}`),
    });

    const back = await ana.json<StoreCopied>("store", "copy", `s3://${bucket}/back`, ...reach(), "--switch");
    expect(back.newObjects).toBe(back.objects);
    expect((await ana.json<Verified>("verify", "later")).ok).toBe(true);
    // Colleagues turn to it with the command that was printed.
    await bo.ok(...back.command.split(" ").slice(1), "--as", "bo");
    expect(await bo.json<Status>("status")).toMatchObject({ store: `s3://${bucket}/back`, member: "bo" });
    await bo.ok("pull", "later", "-o", "later-out", "--purpose", "modelling");
  }, 120_000);

  test("wrong addresses and missing rights end with what to do, and write nothing", async () => {
    const cy = member("cy");
    const failing = async (options: SpawnOptions, ...args: readonly string[]) => {
      const { exit, err } = await cy.with(options, ...args, "--json");
      return { exit, ...JSON.parse(err.trimEnd().split("\n").at(-1) ?? "{}").error };
    };
    expect(await failing({}, ...init("s3://no-such-bucket/x"))).toMatchObject({
      ...{ exit: 7, message: "there is no bucket no-such-bucket" },
    });
    expect(await failing({}, ...init("s3://UPPER/x"))).toMatchObject({ exit: 2 });
    expect(await failing({}, ...init(`s3://${bucket}/../x`))).toMatchObject({ exit: 2 });
    expect(await failing({}, ...init("gs://bucket/x"))).toMatchObject({ exit: 2 });
    expect(
      await failing({}, "init", "--yes", "--store", "s3://b-b-b/x", "--endpoint", "http://192.0.2.1"),
    ).toMatchObject({
      ...{
        exit: 2,
        message: "http://192.0.2.1 is not encrypted",
        next: expect.stringContaining("CLOISTER_ALLOW_HTTP=1"),
      },
    });
    const without = { env: { AWS_ACCESS_KEY_ID: "", AWS_SECRET_ACCESS_KEY: "" } };
    expect(await failing(without, ...init(`s3://${bucket}/other`))).toMatchObject({
      ...{ exit: 4, code: "NOT_AUTHENTICATED", next: expect.stringContaining("aws sso login") },
    });
    expect(await failing({}, ...init(`s3://${bucket}/churn`))).toMatchObject({
      ...{ exit: 2, next: expect.stringContaining(`cloister join s3://${bucket}/churn --endpoint ${server.endpoint}`) },
    });
    expect([...filesBelow(cy.folder), ...filesBelow(cy.home)]).toEqual([]);
    const config = join(ana.folder, ".cloister/config.yaml");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replace(/^endpoint: .*$/m, 'endpoint: "http://127.0.0.1:1"'));
    expect(await ana.fails("status")).toMatchObject({ exit: 8, code: "UNAVAILABLE" });
    writeFileSync(config, text.replace(/^endpoint:/m, "endpiont:"));
    expect(await ana.fails("status")).toMatchObject({ exit: 2 });
    writeFileSync(config, text);
    await ana.ok("status");
  });
});
