// A share is an ordinary age file around an ordinary tar: the programs of others open it, and `sha256sum` checks it.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { push } from "../../src/operations/artifact/push.ts";
import { createShare } from "../../src/operations/share/create.ts";
import { has } from "../acceptance/harness.ts";
import { scratch, sessionOf } from "../operations/project.ts";
import { contentOf, twoDomains } from "../operations/two-domains.ts";

describe.skipIf(!has("age") || !has("age-keygen"))("stock age", () => {
  test("decrypts a share for a key of age-keygen, and tar unpacks it", async () => {
    const { ana } = await twoDomains();
    const pushed = await push(await sessionOf(ana), { source: { path: "data" }, name: "churn/risk:1" });
    const folder = scratch();
    const key = join(folder, "key.txt");
    execFileSync("age-keygen", ["-o", key], { stdio: "ignore" });
    const to = execFileSync("age-keygen", ["-y", key]).toString().trim();
    const { file } = await createShare(await sessionOf(ana), { reference: "churn/risk:1", to, ttlMs: 3_600_000 });
    const archive = execFileSync("age", ["-d", "-i", key, file], { maxBuffer: 100_000_000 });
    writeFileSync(join(folder, "share.tar"), archive);
    const names = execFileSync("tar", ["tf", "share.tar"], { cwd: folder }).toString().trim().split("\n");
    expect(names.slice(0, 2)).toEqual(["share.json", "provenance.sigstore.json"]);
    execFileSync("tar", ["xf", "share.tar"], { cwd: folder });
    expect(contentOf(join(folder, "files"))).toEqual(contentOf(join(ana.cwd, "data")));
    const lines = "cd files && find . -type f | cut -c3- | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum";
    const digest = execFileSync("sh", ["-c", lines], { cwd: folder }).toString().slice(0, 64);
    expect(digest).toBe(pushed.digest);
  });
});
