// Some files of a version: listed, pulled to folders, to files and to standard output, and verified.
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { AuditRow, FileListing, Pulled, Pushed, Verified } from "../../src/index.ts";
import { filesBelow, holders, type Member, overwrite, World } from "./harness.ts";

const world = new World();
const CLASS_FILE = ".cloister-class.json";
const PROVENANCE = "provenance.sigstore.json";
const large = randomBytes(12_000_000);
const data = {
  "config.json": '{"layers": 3}\n',
  "logs/train.log": "loss 1\n",
  "weights/a/model.safetensors": large,
  "weights/index.json": '{"a": 1}\n',
};
const whole = Object.values(data).reduce((sum, content) => sum + content.length, 0);
let ana: Member;
let bo: Member;

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  ana.files("data", data);
  await ana.ok("push", "data", "--name", "risk:1.2", "--class", "internal");
});

const pull = (...args: readonly string[]) => ["pull", "risk:1.2", ...args, "--purpose", "modelling"];

describe("files of a version", () => {
  it("are listed with size and digest, all or some, also by the word that leads to it", async () => {
    const all = await bo.json<FileListing>("list", "risk:latest");
    expect(all).toMatchObject({ schema: "cloister/files@1", reference: "churn/risk:1.2", files: 4, bytes: whole });
    expect(all.fileList.map(({ path, bytes }) => [path, bytes])).toEqual(
      Object.entries(data).map(([path, content]) => [path, content.length]),
    );
    expect(all).not.toHaveProperty("partial");
    const some = await bo.json<FileListing>("artifact", "list", "risk:v1", "weights", "--exclude", "*.json");
    expect(some).toMatchObject({ files: 1, bytes: large.length, partial: { files: 3 } });
    const { out } = await bo.ok("list", "risk:1.2", "--include", "*.json");
    expect(out).toMatch(/^14\t[0-9a-f]{64}\tconfig\.json\n9\t[0-9a-f]{64}\tweights\/index\.json\n$/);
    expect((await bo.ok("list", "risk")).out).toMatch(/^churn\/risk:1\.2\tinternal\t/);
    expect(await bo.fails("list", "risk", "weights")).toMatchObject({
      code: "USAGE",
      next: "cloister list risk:latest",
    });
    expect(await bo.fails("list", "risk:9.9")).toMatchObject({ code: "NOT_FOUND" });
  });

  it("come to a folder with the manifest, which says what is there and what is not", async () => {
    const pulled = await bo.json<Pulled>(...pull("--include", "*.json", "-o", "some"));
    expect(pulled).toMatchObject({ files: 2, bytes: 23, partial: { files: 2, bytes: whole - 23 } });
    expect(filesBelow(join(bo.folder, "some"))).toEqual(["config.json", PROVENANCE, "weights/index.json"]);
    const strict = await bo.cli("verify", "some", "--json");
    expect([strict.exit, strict.out]).toEqual([6, expect.stringContaining("--partial")]);
    expect((await bo.json<Verified>("verify", "some", "--partial")).ok).toBe(true);

    const again = await bo.json<Pushed>("push", "some", "--name", "some-of-it");
    expect(again).toMatchObject({ class: "internal", classFrom: "churn/risk:1.2", files: 2 });
    bo.files("some", { "config.json": "{}" });
    expect((await bo.cli("verify", "some", "--partial")).exit).toBe(6);
  });

  it("come to a file, or into a folder that is there, and carry their class", async () => {
    const pulled = await bo.json<Pulled>(...pull("weights/index.json", "-o", "one/renamed.json"));
    expect(pulled).toMatchObject({ file: join(bo.folder, "one/renamed.json"), files: 1, bytes: 9 });
    await bo.ok(...pull("config.json", "-o", "one"));
    await bo.ok(...pull("./logs/train.log"));
    expect(filesBelow(join(bo.folder, "one"))).toEqual([CLASS_FILE, "config.json", "renamed.json"]);
    expect(readFileSync(join(bo.folder, "train.log"), "utf8")).toBe("loss 1\n");
    expect(statSync(join(bo.folder, "train.log")).mode & 0o077).toBe(0);
    expect(await bo.fails(...pull("config.json", "-o", "one"))).toMatchObject({ code: "USAGE", exit: 2 });
    const pushed = await bo.json<Pushed>("push", "one/config.json", "--name", "one-file");
    expect(pushed).toMatchObject({ class: "internal", classFrom: "churn/risk:1.2" });
    const folder = await bo.json<Pulled>(...pull("weights", "-o", "w"));
    expect(folder).toMatchObject({ folder: join(bo.folder, "w"), files: 2 });
  });

  it("come to standard output alone, and nothing else does", async () => {
    const { out, err } = await bo.ok(...pull("weights/index.json", "-o", "-"));
    expect(out).toBe('{"a": 1}\n');
    expect(err).toMatch(/^cloister: pulled part of churn\/risk:1\.2 {2}log #\d+\n$/);
    expect(await bo.cli(...pull("weights", "-o", "-"))).toMatchObject({ exit: 2, out: "" });
  });

  it("that are not there are no pull, and what is near is named", async () => {
    const { entries: before } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list");
    const near = { "index.json": "weights/index.json", wieghts: "weights", "Config.json": "config.json" };
    for (const [given, meant] of Object.entries(near)) {
      expect(await bo.fails(...pull(given))).toMatchObject({ code: "NOT_FOUND", next: `did you mean ${meant}?` });
    }
    expect(await bo.fails(...pull("*.json"))).toMatchObject({ next: "--include '*.json'" });
    expect(await bo.fails(...pull("--include", "*.json", "--include", "*.xml"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await bo.fails(...pull("--exclude", "*"))).toMatchObject({ code: "NOT_FOUND" });
    expect(await bo.fails(...pull("--include", "{a,b}".repeat(20)))).toMatchObject({ code: "USAGE" });
    const { entries: after } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list");
    expect(after.filter(({ action }) => action === "artifact.pull")).toHaveLength(
      before.filter(({ action }) => action === "artifact.pull").length,
    );
  });

  it("are named in the sealed part of the log, and nowhere in clear", async () => {
    const { entries } = await ana.json<{ entries: readonly AuditRow[] }>("audit", "list", "--action", "artifact.pull");
    expect(entries[0]?.details).toMatchObject({
      ...{ artifact: "churn/risk:1.2", selected: "--include '*.json'", files: "2", bytes: "23" },
    });
    expect(holders(ana.store, ["index.json", "train.log", "*.json"])).toEqual([]);
  });
});

describe("of a version that is damaged in the store", () => {
  let pack = "";
  beforeAll(() => {
    const packs = filesBelow(join(ana.store, "packs")).map((path) => join(ana.store, "packs", path));
    pack = packs.sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? "";
    const bytes = readFileSync(pack);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    overwrite(pack, bytes);
  });

  it("other files are read, and only they: the damage is not met", async () => {
    expect((await bo.ok(...pull("config.json", "-o", "-"))).out).toBe('{"layers": 3}\n');
  });

  it("what is damaged ends with 6; on standard output it is cut short, and no file is made", async () => {
    const { exit, bytes, err } = await bo.cli(...pull("weights/a/model.safetensors", "-o", "-"));
    expect(exit).toBe(6);
    expect(err).toContain("weights/a/model.safetensors");
    expect(bytes.length).toBeLessThan(large.length);
    expect(bytes.equals(large.subarray(0, bytes.length))).toBe(true);
    expect((await bo.cli(...pull("weights/a/model.safetensors", "-o", "bad.bin"))).exit).toBe(6);
    expect(existsSync(join(bo.folder, "bad.bin"))).toBe(false);
  });
});
