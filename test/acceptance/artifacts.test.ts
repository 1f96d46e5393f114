// Artifacts go in, come out the same, and every way of naming and printing them.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Listing, Pulled, Pushed, Verified, VersionDetail } from "../../src/index.ts";
import { BIN, filesBelow, type Member, randomText, World } from "./harness.ts";

const world = new World();
const PROVENANCE = "provenance.sigstore.json";
let ana: Member;
const data = {
  "rows.csv": randomText(200_000),
  "deep/er/weights.bin": randomBytes(300_000),
  "run.sh": "#!/bin/sh\necho hi\n",
  empty: "",
  "grüße/日本 语.txt": randomText(50),
};

beforeAll(async () => {
  ana = await world.project("ana", "solo");
  const folder = ana.files("data", data);
  chmodSync(join(folder, "run.sh"), 0o755);
  mkdirSync(join(folder, "no-files-here"));
});

describe("push and pull", () => {
  it("brings a folder back byte for byte: nested, empty, executable, Unicode names", async () => {
    const pushed = await ana.json<Pushed>("push", "data", "--name", "cohort:first", "--class", "internal");
    const bytes = Object.values(data).reduce((sum, content) => sum + content.length, 0);
    expect(pushed).toMatchObject({ schema: "cloister/push@1", reference: "churn/cohort:first", number: 1, files: 5 });
    expect(pushed).toMatchObject({ class: "internal", classFrom: "asked", kind: "dataset", dryRun: false });
    expect(Math.abs(pushed.bytes - bytes)).toBeLessThan(100);
    expect(pushed.bytesNew).toBe(pushed.bytes);

    const pulled = await ana.json<Pulled>("pull", "cohort", "-o", "back/deeper");
    expect(pulled).toMatchObject({ schema: "cloister/pull@1", digest: pushed.digest, dryRun: false, number: 1 });
    const back = join(ana.folder, "back/deeper");
    expect(pulled.folder).toBe(back);
    expect(filesBelow(back)).toEqual([...Object.keys(data), PROVENANCE].sort());
    for (const [path, content] of Object.entries(data)) {
      expect(readFileSync(join(back, path)).equals(Buffer.from(content)), path).toBe(true);
    }
    expect(statSync(join(back, "no-files-here")).isDirectory()).toBe(true);
    const executable = filesBelow(back).filter((path) => (statSync(join(back, path)).mode & 0o111) !== 0);
    expect(executable).toEqual(["run.sh"]);
    expect(readdirSync(join(ana.folder, "back"))).toEqual(["deeper"]);

    const sums = "find . -type f ! -name provenance.sigstore.json | LC_ALL=C sort | sed 's,^./,,'";
    const listed = execFileSync("sh", ["-c", `${sums} | xargs -d '\\n' sha256sum | sha256sum`], { cwd: back });
    expect(listed.toString().slice(0, 64)).toBe(pushed.digest.replace("sha256:", ""));
    expect((await ana.json<Verified>("verify", "back/deeper")).ok).toBe(true);
  });

  it("stores again only what changed, and nothing of what did not", async () => {
    expect(await ana.json<Pushed>("push", "data", "--name", "cohort", "--class", "internal")).toMatchObject({
      number: 2,
      reference: "churn/cohort:v2",
      bytesNew: 0,
    });
    ana.files("data", { "rows.csv": `${data["rows.csv"]}one more line\n` });
    const third = await ana.json<Pushed>("push", "data", "--name", "cohort", "--class", "internal");
    expect(third.bytesNew).toBeGreaterThan(0);
    expect(third.bytesNew).toBeLessThan(third.bytes / 2);
  });

  it("takes any bytes from standard input and gives them back on standard output", async () => {
    const bytes = randomBytes(1_500_000);
    const pushed = await ana.with({ input: bytes }, "push", "-", "--name", "raw:d1", "--json");
    expect(pushed.exit, pushed.err).toBe(0);
    expect(JSON.parse(pushed.out)).toMatchObject({ bytes: bytes.length, files: 1 });
    const pulled = await ana.cli("pull", "raw:d1", "-o", "-");
    expect(pulled.exit, pulled.err).toBe(0);
    expect(pulled.bytes.equals(bytes)).toBe(true);
    expect(pulled.err).toMatch(/^cloister: pulled churn\/raw:d1 {2}log #\d+\n$/);

    const pipe = `tar c data | "$0" "$1" push - --name tarred --json && "$0" "$1" pull tarred -o - --quiet | tar x -C `;
    mkdirSync(join(ana.folder, "untarred"));
    execFileSync("sh", ["-c", `${pipe} untarred`, process.execPath, BIN], { cwd: ana.folder, env: ana.env });
    execFileSync("diff", ["-r", "data", "untarred/data"], { cwd: ana.folder });
  });

  it("pushes one file, a whole of nothing, and dry runs that change nothing", async () => {
    ana.files(".", { "one.txt": "one" });
    expect(await ana.json<Pushed>("push", "one.txt", "--name", "one")).toMatchObject({ files: 1, bytes: 3 });
    await ana.ok("pull", "one");
    expect(readFileSync(join(ana.folder, "one/one.txt"), "utf8")).toBe("one");
    ana.files(".", { nothing: "" });
    expect(await ana.json<Pushed>("push", "nothing", "--name", "nothing")).toMatchObject({ files: 1, bytes: 0 });
    expect((await ana.ok("pull", "nothing", "-o", "-")).bytes.length).toBe(0);

    const before = filesBelow(ana.store).length;
    expect(await ana.json<Pushed>("push", "one.txt", "--name", "dry", "--dry-run")).toMatchObject({ dryRun: true });
    expect(await ana.json<Pulled>("pull", "one", "-o", "dry", "--dry-run")).toMatchObject({ dryRun: true });
    expect([filesBelow(ana.store).length, filesBelow(join(ana.folder, "dry"))]).toEqual([before, []]);
    expect(await ana.fails("show", "dry")).toMatchObject({ exit: 7 });
  });

  it("will not write over anything: a folder with files, a file, a link", async () => {
    ana.files("full", { mine: "mine" });
    execFileSync("ln", ["-s", "data", join(ana.folder, "link")]);
    for (const target of ["full", "one.txt", "link"]) {
      expect(await ana.fails("pull", "one", "-o", target), target).toMatchObject({ exit: 2, code: "USAGE" });
    }
    expect(filesBelow(join(ana.folder, "full"))).toEqual(["mine"]);
    mkdirSync(join(ana.folder, "vacant"));
    await ana.ok("pull", "one", "-o", "vacant");
    const many = await ana.cli("pull", "cohort", "-o", "-");
    expect(many).toMatchObject({ exit: 2, out: "", err: expect.stringContaining("single file") });
  });
});

describe("references", () => {
  it("finds a version by label, number, latest, digest and version id, with the domain or without", async () => {
    const first = await ana.json<VersionDetail>("show", "cohort:first");
    const second = await ana.json<VersionDetail>("show", "churn/cohort:v2");
    const { versions } = await ana.json<Listing>("list", "cohort");
    expect(versions.map(({ reference }) => reference)).toEqual([
      "churn/cohort:first",
      "churn/cohort:v2",
      "churn/cohort:v3",
    ]);
    const references = {
      cohort: 3,
      "cohort:latest": 3,
      "cohort:v1": 1,
      [`cohort@sha256:${first.versionId}`]: 1,
      [`churn/cohort@sha256:${second.versionId}`]: 2,
    };
    const found = Object.keys(references).map(async (reference) => {
      return [reference, (await ana.json<VersionDetail>("show", reference)).number];
    });
    expect(Object.fromEntries(await Promise.all(found))).toEqual(references);
    const byDigest = await ana.json<VersionDetail>("show", `cohort@sha256:${first.digest.replace("sha256:", "")}`);
    expect(byDigest.digest).toBe(first.digest);
  });

  it("ends with 7 for what is not there, and says what is", async () => {
    const missing = ["nosuch", "cohort:v9", "cohort:nolabel", `cohort@sha256:${"0".repeat(64)}`];
    for (const failed of await Promise.all(missing.map((reference) => ana.fails("pull", reference)))) {
      expect(failed).toMatchObject({ exit: 7, code: "NOT_FOUND" });
      expect(failed.next).not.toBe("");
    }
    expect(await ana.fails("pull", "other/cohort")).toMatchObject({ exit: 7, next: expect.stringContaining("churn") });
  });

  it("never gives a label twice, and keeps vN and latest for itself", async () => {
    expect(await ana.fails("push", "one.txt", "--name", "cohort:first")).toMatchObject({ exit: 2, code: "USAGE" });
    expect(await ana.fails("push", "one.txt", "--name", "cohort:v7")).toMatchObject({ exit: 2 });
    expect(await ana.fails("push", "one.txt", "--name", "cohort:latest")).toMatchObject({ exit: 2 });
    expect((await ana.json<Listing>("list", "cohort")).versions).toHaveLength(3);
  });
});

describe("list, show, verify", () => {
  it("show says everything that was said at push, and every file", async () => {
    const said = ["--owner", "ana", "--licence", "CC-BY-4.0", "--why", "asked for by legal", "--purpose", "modelling"];
    await ana.ok("push", "data", "--name", "told:1.0", "--kind", "report", "--class", "public", ...said);
    const detail = await ana.json<VersionDetail>("show", "told:1.0");
    expect(detail).toMatchObject({ schema: "cloister/show@1", kind: "report", class: "public", label: "1.0" });
    expect(detail).toMatchObject({ owner: "ana", licence: "CC-BY-4.0", justification: "asked for by legal" });
    expect(detail).toMatchObject({ purpose: "modelling", inputs: [], pushedBy: "ana", policyVersion: 1 });
    expect(detail.fileList?.map(({ path }) => path).sort()).toEqual(Object.keys(data).sort());
    const [sha256] = execFileSync("sha256sum", [join(ana.folder, "data/run.sh")], { encoding: "utf8" }).split(" ");
    expect(detail.fileList?.find(({ path }) => path === "run.sh")?.sha256).toBe(sha256);
    const lines = (await ana.ok("show", "told:1.0")).out.split("\n");
    expect(lines).toEqual(expect.arrayContaining(["licence\tCC-BY-4.0", "owner\tana", "why\tasked for by legal"]));
  });

  it("verify finds a changed, a missing and an added file, and accepts what is whole", async () => {
    expect(await ana.json<Verified>("verify", "told:1.0")).toMatchObject({ schema: "cloister/verify@1", ok: true });
    const harms = {
      changed: "echo x >> rows.csv",
      missing: "rm run.sh",
      added: "echo x > new.csv",
      forged: "sed -i s/A/B/ provenance.sigstore.json",
    };
    await ana.ok("pull", "told", "-o", "told");
    const verified = Object.entries(harms).map(async ([name, harm]) => {
      const folder = join(ana.folder, name);
      cpSync(join(ana.folder, "told"), folder, { recursive: true });
      execFileSync("sh", ["-c", harm], { cwd: folder });
      return [name, (await ana.cli("verify", name)).exit];
    });
    expect(Object.fromEntries(await Promise.all(verified))).toEqual({ changed: 6, missing: 6, added: 6, forged: 6 });
    expect((await ana.cli("verify", "told")).exit).toBe(0);
  });

  it("list is tab-separated and whole in a pipe, and an empty list is a success", async () => {
    const { out, err } = await ana.ok("ls");
    expect(err).toBe("");
    const rows = out.trimEnd().split("\n");
    expect(rows).toHaveLength((await ana.json<Listing>("list")).versions.length);
    for (const row of rows) {
      expect(row).toMatch(
        /^churn\/[^\t]+\t(public|internal)\t(dataset|report)\t\d+\tana\t[^\t]+Z\tsha256:[0-9a-f]{64}$/,
      );
    }
    const bo = await world.project("bo", "solo");
    expect(await bo.cli("list")).toMatchObject({ exit: 0, out: "", err: "" });
    expect(await bo.json<Listing>("list")).toMatchObject({ versions: [], hidden: [], ignored: [] });
  });
});
