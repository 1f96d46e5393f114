// What leaves a project, and what ends in it, as people type it: export, share, retire, hold, prune, shred.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type {
  Ended,
  Exported,
  Listing,
  ShareCreated,
  ShareListing,
  ShareOpened,
  Shredded,
  Status,
  Verified,
  VersionsPruned,
} from "../../../src/index.ts";
import { filesBelow, holders, type Member, marker, World } from "../harness.ts";

const world = new World();
const secret = marker();
let ana: Member;
let bo: Member;
/** Somebody outside, with nothing but a device. */
let carl: Member;
let carlReads: string;
const why = ["--why", "an evaluation copy for the partner, DPA-114"] as const;

const POLICY: readonly (readonly [RegExp, string])[] = [
  [/^( {2}churn:.*)$/m, "$1\n  marketing: { owner: ana, epoch: 1 }"],
  [
    /artifact\.push, artifact\.pull, artifact\.read-metadata,\n {10}secret\.read, secret\.write/,
    "artifact.push, artifact.pull, artifact.read-metadata, artifact.export, artifact.retire,\n" +
      "          artifact.restore, share.create, secret.read, secret.write",
  ],
  [/^always:.*\n/m, "always:\n  justification-for: { artifact.export: 20, artifact.retire: 20 }\n"],
  [
    /^rules:.*\n/m,
    'rules:\n  export-destinations:\n    on: [artifact.export]\n    require: { destination: ["domain:marketing", "file:/*"] }\n' +
      "  nothing-confidential-leaves:\n    on: [artifact.export, share.create]\n    from: confidential\n    refuse: It stays here.\n",
  ],
];

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  carl = world.member("carl");
  const file = join(ana.folder, "cloister.policy.yaml");
  const text = POLICY.reduce((policy, [from, to]) => policy.replace(from, to), readFileSync(file, "utf8"));
  writeFileSync(file, text);
  await ana.ok("policy", "propose", "--yes");
  ana.files("data", { "rows.csv": `${secret}\n`, "deep/ü n.txt": "x" });
  for (const klass of ["internal", "confidential"]) {
    await ana.ok("push", "data", "--name", `churn/risk-${klass}:1`, "--class", klass);
  }
  await carl.ok(
    "init",
    "--template",
    "solo",
    "--project",
    "mine",
    "--domain",
    "d",
    "--purpose",
    "p",
    "--as",
    "carl",
    "--name",
    "Carl",
    "--yes",
  );
  carlReads = (await carl.json<{ reads: string }>("whoami")).reads;
});

describe("export", () => {
  it("says where it goes, that nothing governs it there, and is on record", async () => {
    const { out } = await ana.ok("artifact", "export", "churn/risk-internal:1", "--to", "./handover", ...why);
    expect(out).toContain(`to file:${ana.folder}/handover`);
    expect(out).toContain("nothing of this project governs that copy");
    expect(filesBelow(join(ana.folder, "handover"))).toEqual(["deep/ü n.txt", "provenance.sigstore.json", "rows.csv"]);
    expect((await ana.ok("audit", "list")).out).toContain("artifact.export\tdone");
  });

  it("is refused to other destinations, above a class, and without a reason", async () => {
    const to = (place: string, ref = "churn/risk-internal:1") => ["artifact", "export", ref, "--to", place] as const;
    const bucket = await ana.fails(...to("s3://partner-acme/in"), ...why);
    expect(bucket).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    expect(bucket.refusals.map(({ rule }) => rule)).toEqual(["export-destinations"]);
    expect(
      (await ana.fails(...to("./x", "churn/risk-confidential:1"), ...why)).refusals.map(({ rule }) => rule),
    ).toContain("nothing-confidential-leaves");
    expect((await ana.fails(...to("./x"))).refusals[0]?.rule).toContain("justification");
    expect((await bo.fails(...to("./x"), ...why)).exit).toBe(3);
    expect((await ana.fails(...to("../x"), ...why)).exit).toBe(2);
    expect(existsSync(join(ana.folder, "x"))).toBe(false);
  });

  it("to another domain makes a version there that colleagues verify and use", async () => {
    const done = await ana.json<Exported>(
      "artifact",
      "export",
      "churn/risk-internal:1",
      "--to",
      "domain:marketing",
      ...why,
    );
    expect(done.made?.reference).toBe("marketing/risk-internal:1");
    expect((await bo.json<Verified>("verify", "marketing/risk-internal:1")).ok).toBe(true);
    await bo.ok("pull", "marketing/risk-internal:1", "-o", "from-marketing", "--purpose", "modelling");
    expect(readFileSync(join(bo.folder, "from-marketing/rows.csv"), "utf8")).toContain(secret);
  });
});

describe("share", () => {
  it("goes to one person outside, who opens it with their device and is told whom to compare", async () => {
    const made = await ana.json<ShareCreated>(
      ...["share", "create", "churn/risk-internal:1", "--to", carlReads, "--ttl", "72h", ...why],
    );
    expect(made.file).toBe(join(ana.folder, "risk-internal-1.cloister.age"));
    expect(statSync(made.file).mode & 0o077).toBe(0);
    const { out } = await carl.ok("pull", made.file, "-o", "opened");
    expect(out).toMatch(/shared by ana .*advisory[\s\S]*signed by [A-Z2-7-]{29}[\s\S]*compare it with the sharer/);
    expect(readFileSync(join(carl.folder, "opened/rows.csv"), "utf8")).toBe(`${secret}\n`);
    const { fingerprint } = await ana.json<{ fingerprint: string }>("whoami");
    const opened = await carl.json<ShareOpened>("pull", made.file, "-o", "again", "--signer", fingerprint);
    expect(opened).toMatchObject({ sharedBy: "ana", vouched: false, fingerprint });
    expect(await bo.fails("pull", made.file, "-o", "mine")).toMatchObject({ exit: 4, code: "NOT_AUTHENTICATED" });
    expect((await ana.fails("share", "create", "churn/risk-internal:1", "--to", carlReads, "--ttl", "1h")).exit).toBe(
      2,
    );
  });

  it("is listed and revoked, and says that what was handed out cannot be taken back", async () => {
    const { shares } = await ana.json<ShareListing>("share", "list");
    expect(shares).toEqual([
      expect.objectContaining({ reference: "churn/risk-internal:1", recipient: carlReads, state: "open" }),
    ]);
    const { out } = await ana.ok("share", "revoke", shares[0]?.id ?? "", "--why", "sent to the wrong address");
    expect(out).toContain("cannot be taken back");
    expect((await ana.ok("share", "list")).out).toContain("revoked");
  });

  it("of a file that is none, and of names that are none", async () => {
    carl.files(".", { "not.age": "hello" });
    expect(await carl.fails("pull", "./not.age", "-o", "no")).toMatchObject({ exit: 6, code: "INTEGRITY" });
    expect(await carl.fails("pull", "./absent.age", "-o", "no")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
    expect(await ana.fails("share", "create", "churn/risk-internal:1", "--to", "age1x", "--ttl", "1h")).toMatchObject({
      exit: 2,
    });
  });
});

describe("the end of a version", () => {
  const reference = "churn/old:1";

  beforeAll(async () => {
    await ana.ok("push", "data", "--name", reference, "--class", "internal");
  });

  it("retired, it is out of use: no pull, no latest, and listed on demand", async () => {
    expect(await ana.json<Ended>("artifact", "retire", reference, ...why)).toMatchObject({ done: "retired" });
    const refused = await bo.fails("pull", reference, "-o", "old", "--purpose", "modelling");
    expect(refused.refusals.map(({ rule }) => rule)).toEqual(["builtin:retired"]);
    expect((await bo.json<Listing>("list", "churn/old")).versions).toEqual([]);
    expect((await bo.ok("list", "churn/old", "--all")).out).toContain("retired by ana");
    expect((await bo.fails("artifact", "restore", reference, ...why)).exit).toBe(3);
    await ana.ok("artifact", "restore", reference, ...why);
    await bo.ok("pull", reference, "-o", "old", "--purpose", "modelling");
  });

  it("under legal hold its keys stay, retired or not; afterwards they are destroyed for good", async () => {
    await ana.ok("artifact", "retire", reference, ...why);
    await ana.ok("artifact", "hold", reference, ...why);
    const shred = ["artifact", "shred-keys", reference, ...why] as const;
    expect(await ana.fails(...shred, "--yes")).toMatchObject({ exit: 3, code: "POLICY_DENIED" });
    await ana.ok("artifact", "hold", reference, "--release", ...why);
    // Nobody can be asked here.
    expect(await ana.fails(...shred)).toMatchObject({ exit: 2 });
    expect(await ana.json<Shredded>(...shred, "--yes")).toMatchObject({ deleted: 2, resumed: false });
    for (const command of [
      ["pull", reference, "-o", "x"],
      ["show", reference],
      ["verify", reference],
    ]) {
      const gone = await bo.fails(...command);
      expect(gone).toMatchObject({ exit: 7, code: "NOT_FOUND" });
      expect(gone.why).toMatch(/keys were destroyed by ana \(#\d+\)/);
    }
    expect((await bo.cli("list", "churn/old", "--all")).err).toContain("its keys were destroyed by ana");
    expect(holders(ana.store, [secret])).toEqual([]);
    expect(await ana.fails("artifact", "restore", reference, ...why)).toMatchObject({ exit: 7 });
    expect((await ana.json<{ ok: boolean }>("audit", "verify")).ok).toBe(true);
  });

  it("by the policy's schedule: shown by status, listed by a dry run, done on demand", async () => {
    const file = join(ana.folder, "cloister.policy.yaml");
    writeFileSync(file, `${readFileSync(file, "utf8")}\nretention:\n  internal: 1s\n  then: shred-keys\n`);
    await ana.ok("policy", "propose", "--yes");
    await ana.ok("push", "data", "--name", "churn/short", "--class", "internal");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect((await ana.json<Status>("status")).warnings.join()).toContain("cloister artifact prune --dry-run");
    expect((await bo.json<Status>("status")).warnings.join()).not.toContain("prune");
    const plan = await ana.json<VersionsPruned>("artifact", "prune", "--dry-run");
    expect(plan.due.map((due) => due.reference)).toContain("churn/short:v1");
    expect(plan).toMatchObject({ retired: [], shredded: [] });
    const done = await ana.json<VersionsPruned>("artifact", "prune", "--yes");
    expect(done.left).toEqual([]);
    expect(done.shredded).toHaveLength(plan.due.length);
    expect((await bo.fails("pull", "churn/short:v1", "-o", "y")).exit).toBe(7);
    expect((await ana.json<VersionsPruned>("artifact", "prune", "--dry-run")).due).toEqual([]);
  });
});
