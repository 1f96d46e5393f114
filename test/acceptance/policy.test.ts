// The policy file: checked, explained, changed only with an owner's signature.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { Explained, PolicyChecked, PolicyShown, Proposed, Status } from "../../src/index.ts";
import { type Member, World } from "./harness.ts";

const world = new World();
let ana: Member;
let bo: Member;

function policyFile(member: Member): string {
  return join(member.folder, "cloister.policy.yaml");
}

function edit(member: Member, change: (text: string) => string): void {
  const before = readFileSync(policyFile(member), "utf8");
  const after = change(before);
  if (after === before) throw new Error("the edit changed nothing");
  writeFileSync(policyFile(member), after);
}

beforeAll(async () => {
  ana = await world.project("ana", "demo");
  bo = await world.colleague(ana, "bo", "data-scientist");
  ana.files("data", { "a.csv": "a" });
  bo.files("data", { "a.csv": "a" });
  await ana.ok("push", "data", "--name", "cohort", "--class", "confidential");
});

describe("policy check", () => {
  it("accepts the policy in force and says it in plain lines", async () => {
    const checked = await ana.json<PolicyChecked>("policy", "check");
    expect(checked).toMatchObject({ schema: "cloister/policy-check@1", ok: true, problems: [] });
    expect(checked.lines.length).toBeGreaterThanOrEqual(4);
  });

  it("reports every mistake with line and column, as editors read them, and what was probably meant", async () => {
    const text = readFileSync(policyFile(ana), "utf8");
    const lines = text.split("\n");
    const lineOf = (part: string) => lines.findIndex((line) => line.includes(part)) + 1;
    const wrong = text
      .replace("from: confidential", "from: confidentiall")
      .replace("up-to: confidential ", "upto: confidential ")
      .replace("roles: [data-scientist]", "roles: [data-scientits]");
    writeFileSync(join(ana.folder, "draft.yaml"), `${wrong}\nscan:\n  block: [password]\n`);
    const { exit, out, err } = await ana.cli("policy", "check", "draft.yaml");
    expect({ exit, err }).toEqual({ exit: 2, err: "" });
    expect(out).toMatch(
      new RegExp(`^draft.yaml:${String(lineOf("from: confidential"))}:\\d+: error: .*confidentiall`, "m"),
    );
    expect(out).toMatch(new RegExp(`^draft.yaml:${String(lineOf("up-to: confidential "))}:\\d+: error: .*upto`, "m"));
    expect(out).toMatch(
      new RegExp(`^draft.yaml:${String(lineOf("roles: [data-scientist]"))}:\\d+: error: .*data-scientits`, "m"),
    );
    for (const meant of ["confidential", "up-to", "data-scientist"]) expect(out).toMatch(new RegExp(`mean.*${meant}`));
    expect(out).toMatch(/^draft.yaml:\d+:1: error: .*scan.*/m);
    const json = JSON.parse((await ana.cli("policy", "check", "draft.yaml", "--json")).out) as PolicyChecked;
    expect(json.problems.filter(({ severity }) => severity === "error").length).toBeGreaterThanOrEqual(4);
  });

  it("refuses what is no plain YAML of the format, without a crash", async () => {
    const wrong = [
      ["a duplicate key", (text: string) => text.replace(/^purposes:/m, "purposes: {}\npurposes:")],
      ["an alias", (text: string) => text.replace("roles: [data-scientist]", "roles: &r [data-scientist]")],
      ["a tag", (text: string) => text.replace(/^project: /m, "project: !!str ")],
      ["__proto__", (text: string) => `${text}\n__proto__: {}\n`],
      ["a tab", (text: string) => text.replace("  steward:", "\tsteward:")],
      ["no YAML at all", () => "\u0000\u0001}{"],
      ["nothing", () => ""],
    ] as const;
    const text = readFileSync(policyFile(ana), "utf8");
    await Promise.all(
      wrong.map(async ([what, change], at) => {
        const file = `draft-${String(at)}.yaml`;
        writeFileSync(join(ana.folder, file), change(text));
        const { exit, out } = await ana.cli("policy", "check", file);
        expect({ what, exit }).toEqual({ what, exit: 2 });
        expect(out).toMatch(/^draft-\d.yaml:\d+:\d+: error: /m);
      }),
    );
  });

  it("names a file that is not there", async () => {
    expect(await ana.fails("policy", "check", "nosuch.yaml")).toMatchObject({ exit: 7, code: "NOT_FOUND" });
  });
});

describe("policy explain", () => {
  it("says who may, and by which line of which role", async () => {
    const text = readFileSync(policyFile(ana), "utf8").split("\n");
    const allowed = await bo.json<Explained>(
      "policy",
      "explain",
      "artifact.push",
      "--class",
      "internal",
      "--kind",
      "dataset",
    );
    expect(allowed).toMatchObject({ schema: "cloister/policy-explain@1", member: "bo", allow: true, refusals: [] });
    expect(allowed.by[0]?.rule).toBe("role:data-scientist");
    expect(text[(allowed.by[0]?.line ?? 0) - 1]).toMatch(/data-scientist:|can: \[workspace.create, workspace.mount/);
    const steward = await bo.json<Explained>("policy", "explain", "audit.read", "--as", "ana");
    expect(steward).toMatchObject({ member: "ana", allow: true });
  });

  it("names the rule and its line, what would help, and how strongly the no is held", async () => {
    const ask = [
      "policy",
      "explain",
      "artifact.pull",
      "--class",
      "confidential",
      "--kind",
      "dataset",
      "--purpose",
      "modelling",
    ];
    for (const who of ["ana", "bo"]) {
      const denied = await ana.json<Explained>(...ask, "--as", who);
      expect(denied).toMatchObject({ allow: false, member: who });
      const [refusal] = denied.refusals;
      expect(refusal).toMatchObject({ rule: "confidential-stays-in-workspaces" });
      const line = readFileSync(policyFile(ana), "utf8").split("\n")[(refusal?.line ?? 0) - 1];
      expect(line).toContain("confidential-stays-in-workspaces");
      expect(denied.enforcement).not.toBe("");
    }
    const purpose = await bo.json<Explained>("policy", "explain", "workspace.create");
    expect(purpose).toMatchObject({ allow: false });
    expect(purpose.refusals.map(({ next }) => next).join()).toContain("--purpose");
    const audit = await bo.json<Explained>("policy", "explain", "audit.read");
    expect(audit).toMatchObject({ allow: false });
    expect(JSON.stringify(audit.refusals)).toContain("steward");
    const { exit, out } = await bo.cli(...ask);
    expect(exit).toBe(0);
    expect(out).toMatch(/^✗ bo may not pull artifacts \(artifact\.pull\) {3}policy v2/);
  });

  it("suggests an action or a member for a misspelt one", async () => {
    const action = await ana.fails("policy", "explain", "artifact.pul");
    expect(action.exit).toBe(2);
    expect(`${action.why} ${action.next}`).toContain("artifact.pull");
    expect([2, 7]).toContain((await ana.fails("policy", "explain", "artifact.pull", "--as", "boo")).exit);
  });
});

describe("changing the policy", () => {
  it("an edited local file loosens nothing, and status says that it differs", async () => {
    writeFileSync(policyFile(bo), (await bo.ok("policy", "show", "--text")).out);
    expect(await bo.json<Status>("status")).toMatchObject({ localFile: "same" });
    edit(bo, (text) => text.replace(/ {2}confidential-stays[\s\S]*?(?= {2}models-say)/, ""));
    const status = await bo.json<Status>("status");
    expect(status).toMatchObject({ localFile: "differs", policyVersion: 2 });
    const refused = await bo.fails("pull", "cohort", "--purpose", "modelling");
    expect(refused).toMatchObject({ exit: 3, refusals: [{ rule: "confidential-stays-in-workspaces" }] });
    expect(refused.logEntry).toBeTypeOf("number");
    expect(await bo.fails("push", "data", "--name", "m", "--kind", "model")).toMatchObject({ exit: 3 });
    expect((await bo.ok("policy", "show")).err).toContain("differs");
    expect((await bo.ok("policy", "show", "--text")).out).toContain("confidential-stays-in-workspaces");
  });

  it("an owner's proposal takes force with its number and its predecessor set, for everybody", async () => {
    const before = await ana.json<PolicyShown>("policy", "show");
    expect(before.localFile).toBe("same");
    expect(await ana.fails("policy", "propose", "--yes")).toMatchObject({
      exit: 2,
      message: expect.stringContaining("nothing"),
    });
    edit(ana, (text) => text.replace("always:", "always:\n  justification-for: { artifact.pull: 12 }"));
    const dry = await ana.json<Proposed>("policy", "propose", "--dry-run");
    expect(dry).toMatchObject({ version: 3, dryRun: true });
    expect((await ana.json<PolicyShown>("policy", "show")).version).toBe(2);
    const proposed = await ana.json<Proposed>("policy", "propose", "--yes", "--why", "say why data leaves");
    expect(proposed).toMatchObject({ schema: "cloister/policy-propose@1", version: 3, dryRun: false });
    const after = await bo.json<PolicyShown>("policy", "show");
    expect(after).toMatchObject({ version: 3, digest: proposed.digest, signedBy: ["ana"] });
    expect(after.text).toMatch(/^version: 3$/m);
    expect(after.text).toContain(`previous: sha256:${before.digest.replace("sha256:", "")}`);
    expect(readFileSync(policyFile(ana), "utf8")).toBe(after.text);
    expect((await ana.json<Status>("status")).localFile).toBe("same");
  });

  it("a justification is needed where the policy says so, and kept", async () => {
    await ana.ok("push", "data", "--name", "plain", "--class", "public");
    const use = ["pull", "plain", "--purpose", "modelling"];
    expect(await bo.fails(...use, "-o", "p1")).toMatchObject({
      exit: 3,
      refusals: [{ rule: expect.stringContaining("justification") }],
    });
    expect(await bo.fails(...use, "-o", "p1", "--why", "too short")).toMatchObject({ exit: 3 });
    await bo.ok(...use, "-o", "p1", "--why", "error analysis of run 7");
    expect((await ana.ok("audit", "list", "--member", "bo", "--action", "artifact.pull")).out).toContain(
      "error analysis of run 7",
    );
  });

  it("refuses to sign a file with mistakes, of another project, or that would lock its owner out", async () => {
    const sound = readFileSync(policyFile(ana), "utf8");
    for (const [what, change] of [
      ["a mistake", (text: string) => text.replace("up-to: confidential ", "up-to: confidentail ")],
      ["another id", (text: string) => text.replace(/^id: .*/m, `id: "${"0".repeat(32)}"`)],
      ["nobody who owns it", (text: string) => text.replace("members: [ana] }", "members: [zed] }")],
      ["a threshold above its owners", (text: string) => text.replace("threshold: 1", "threshold: 2")],
    ] as const) {
      writeFileSync(policyFile(ana), change(sound));
      const failed = await ana.fails("policy", "propose", "--yes");
      expect([2, 3], `${what}: ${failed.message}`).toContain(failed.exit);
    }
    writeFileSync(policyFile(ana), sound);
    expect((await ana.json<PolicyShown>("policy", "show")).version).toBe(3);
  });
});
