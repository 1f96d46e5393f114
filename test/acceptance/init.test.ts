// Setting up a project: unattended, guided in a terminal, and refused.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Created, Plan, Status, WhoAmI } from "../../src/index.ts";
import { BIN, filesBelow, has, type Member, start, World } from "./harness.ts";
import { Terminal } from "./terminal.ts";

const world = new World();
const terminal = has("tmux") ? "" : " (skipped: no tmux for a pseudo-terminal)";

/** The policy without what differs between two projects: its id and the keys. */
function withoutKeys(member: Member, folder: string): string {
  return readFileSync(join(member.folder, folder, "cloister.policy.yaml"), "utf8")
    .replace(/^id: .*$/m, "")
    .replace(/(signs|reads): "[^"]*"/g, "$1");
}

describe("init without questions", () => {
  it("sets up solo with --yes alone, ready to use", async () => {
    const ana = world.member("ana");
    const created = await ana.json<Created>("init", "churn", "--yes");
    expect(created).toMatchObject({ schema: "cloister/init@1", project: "churn", member: "ana", policyVersion: 1 });
    expect(created.folder).toBe(join(ana.folder, "churn"));
    expect(created.identityStorage).toContain("passphrase");
    expect(created.files.every((file) => existsSync(file))).toBe(true);
    expect(statSync(join(ana.home, ".config/cloister")).mode & 0o777).toBe(0o700);
    const cwd = join(ana.folder, "churn");
    const status = JSON.parse((await ana.with({ cwd }, "status", "--json")).out) as Status;
    expect(status).toMatchObject({ member: "ana", policyVersion: 1, localFile: "same", warnings: [], workspaces: [] });
    expect(JSON.parse((await ana.with({ cwd }, "whoami", "--json")).out) as WhoAmI).toMatchObject({
      fingerprint: created.fingerprint,
      member: "ana",
    });
  });

  it("sets up demo with every answer as a flag, as --dry-run said it would, and not twice", async () => {
    const ana = world.member("dora");
    const flags = ["--template", "demo", "--project", "risk", "--store", "../shared-store", "--as", "dora"];
    const more = ["--name", "Dora O'Neil", "--domain", "claims", "--purpose", "scoring"];
    const plan = await ana.json<Plan & { command: string }>("init", ...flags, ...more, "--yes", "--dry-run");
    expect(plan.schema).toBe("cloister/init-plan@1");
    expect(plan.policyLines.length).toBeGreaterThanOrEqual(4);
    expect([filesBelow(ana.folder), filesBelow(ana.home), existsSync(plan.store)]).toEqual([[], [], false]);

    const created = await ana.json<Created>("init", ...flags, ...more, "--yes");
    expect([...created.files].sort()).toEqual([...plan.files].sort());
    expect(created.store).toBe(plan.store);
    expect(existsSync(join(created.store, "cloister"))).toBe(true);
    expect(withoutKeys(ana, ".")).toBe(
      plan.policyText.replace(/^id: .*$/m, "").replace(/(signs|reads): "[^"]*"/g, "$1"),
    );
    expect((await ana.ok("policy", "show")).out).toContain("claims");

    const before = filesBelow(world.root).map((path) => [path, readFileSync(join(world.root, path), "base64")]);
    expect(await ana.fails("init", "--yes")).toMatchObject({
      exit: 2,
      code: "USAGE",
      next: expect.stringContaining("status"),
    });
    expect(filesBelow(world.root).map((path) => [path, readFileSync(join(world.root, path), "base64")])).toEqual(
      before,
    );
  });

  it("without a keychain or passphrase ends with 9, naming both ways out, and writes nothing", async () => {
    const eve = world.member("eve");
    const { CLOISTER_PASSPHRASE_FILE: _, ...env } = eve.env;
    const { exit, out, err } = await start([process.execPath, BIN, "init", "--yes"], env, {
      cwd: eve.folder,
    }).ended;
    expect({ exit, out }).toEqual({ exit: 9, out: "" });
    expect(err).toContain("UNSUPPORTED_HOST");
    expect(err).toContain("--passphrase-file");
    expect(err).toContain("--insecure-storage");
    expect([...filesBelow(eve.folder), ...filesBelow(eve.home)]).toEqual([]);
  });

  it("with --insecure-storage keeps the identity in a file that only its owner can open, and says so", async () => {
    const pat = world.member("pat");
    const { CLOISTER_PASSPHRASE_FILE: _, ...env } = pat.env;
    const init = [process.execPath, BIN, "init", "--yes", "--insecure-storage", "--json"];
    const { out } = await start(init, env, { cwd: pat.folder }).ended;
    expect((JSON.parse(out) as Created).identityStorage).toMatch(/not encrypted/i);
    for (const file of filesBelow(join(pat.home, ".config"))) {
      expect(statSync(join(pat.home, ".config", file)).mode & 0o077, file).toBe(0);
    }
  });

  it("off a terminal a missing answer ends with 2 and names its flag, one after the other", async () => {
    const kim = world.member("kim");
    const given = [
      "--template",
      "solo",
      "--project",
      "p",
      "--store",
      "s",
      "--as",
      "kim",
      "--domain",
      "d",
      "--purpose",
      "u",
    ];
    for (let count = 0; count < given.length; count += 2) {
      const failed = await kim.fails("init", ...given.slice(0, count));
      expect(failed).toMatchObject({ exit: 2, code: "USAGE" });
      expect(failed.message).toContain(given[count]);
    }
    expect(await kim.fails("init", ...given)).toMatchObject({ exit: 2, message: expect.stringContaining("--yes") });
    expect([...filesBelow(kim.folder), ...filesBelow(kim.home)]).toEqual([]);
  });

  it("refuses answers that cannot be names, and an unknown template by naming those there are", async () => {
    const lee = world.member("lee");
    expect(await lee.fails("init", "--yes", "--as", "Lee Ann")).toMatchObject({ exit: 2, next: "use lee-ann" });
    const failed = await lee.fails("init", "--yes", "--template", "soloo");
    expect(failed.exit).toBe(2);
    expect(`${failed.why} ${failed.next}`).toContain("solo");
    expect(filesBelow(lee.folder)).toEqual([]);
  });
});

describe.skipIf(terminal !== "")(`guided init in a terminal${terminal}`, () => {
  it("asks six questions, shows the plan and the policy, sets up, and prints the command that does the same", async () => {
    const bo = world.member("bo");
    const tty = await Terminal.open(bo, "init");
    await tty.expect("What should the policy start from?");
    tty.keys("Enter");
    for (const question of [
      "Project name:",
      "Folder for the sealed",
      "Your member id:",
      "Data domain",
      "Purpose of the work:",
    ]) {
      await tty.expect(question);
      tty.keys("Enter");
    }
    await tty.expect("This will be set up:");
    await tty.expect("Set it up?");
    expect(filesBelow(bo.folder)).toEqual([]);
    tty.keys("Enter");
    await tty.expect("The same without questions");
    expect(await tty.exit()).toBe(0);
    const screen = tty.screen();
    expect(screen).toContain("is ready");
    expect(screen).toContain("Next");

    const command = /cloister (init --template .*--yes)/s.exec(screen)?.[1]?.replaceAll(/\s+/g, " ");
    const again = world.member("bo2");
    execFileSync("sh", ["-c", `exec "$0" "$1" ${command ?? "nothing printed"}`, process.execPath, BIN], {
      cwd: again.folder,
      env: again.env,
      stdio: "pipe",
    });
    expect(withoutKeys(again, ".")).toBe(withoutKeys(bo, "."));
  });

  it.each(["Project name:", "Set it up?"])("Ctrl-C at %j leaves nothing and ends with 130", async (question) => {
    const cy = world.member(`cy${question.length}`);
    const flags =
      question === "Set it up?"
        ? ["--project", "p", "--store", "s", "--as", "cy", "--domain", "d", "--purpose", "u"]
        : [];
    const tty = await Terminal.open(cy, "init", "--template", "solo", ...flags);
    await tty.expect(question);
    tty.keys("C-c");
    expect(await tty.exit()).toBe(130);
    expect(tty.screen()).not.toContain("Error");
    expect([...filesBelow(cy.folder), ...filesBelow(cy.home)]).toEqual([]);
  });

  it("asks for a new passphrase twice, shows nothing of it, and takes it for the identity", async () => {
    const di = world.member("di");
    const secret = di.passphrase;
    const { CLOISTER_PASSPHRASE_FILE: _, ...env } = di.env;
    const tty = await Terminal.openWith(di, env, "init", "--yes");
    await tty.expect("New passphrase");
    tty.type(secret);
    await tty.expect("once more");
    tty.type(secret);
    await tty.expect("is ready");
    expect(await tty.exit()).toBe(0);
    expect(tty.screen()).not.toContain(secret);
    await di.ok("lock");
    expect(JSON.parse((await di.ok("status", "--json")).out)).toMatchObject({ member: "di" });
  });
});
